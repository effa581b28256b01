// How often each logit row counts: a sample of weight w as if it were w times in the batch, a row of weight 0 as if it
// were not there. Where a call has no weights, all are 1.
//
// They are kept as multiples of a power of two that takes the largest to about 1, which changes no bit of them: only
// their ratios matter until the end, and products of two of them are to fit the compute type.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "../engine.h"
#include "views.h"

namespace gld {

class RowWeights {
 public:
  RowWeights(const gld_call& call, Arena& arena)
      : view_(call.weights),
        samples_(call.n),
        per_sample_(call.rows),
        masked_(masked(call.teacher) || masked(call.student)),
        values_(absent() ? nullptr : arena.take<double>(samples_ * per_sample_)) {}

  // Reads them; a row that is not there(sample, row) has none, whatever the call says.
  template <class F>
  void read(F&& there) {
    sum_ = static_cast<double>(samples_ * per_sample_);
    global_sum_ = static_cast<double>(samples_);
    if (absent()) return;
    std::fill_n(values_, samples_ * per_sample_, 1.0);
    if (view_.data != nullptr) read_matrix(view_, samples_, per_sample_, values_, per_sample_);
    double largest = 0;
    for (std::int64_t r = 0; r < samples_ * per_sample_; ++r) {
      if (!there(r / per_sample_, r % per_sample_)) values_[r] = 0;
      largest = std::max(largest, values_[r]);
    }
    int exponent = 0;
    std::frexp(largest, &exponent);
    unit_ = std::ldexp(1.0, exponent);
    sum_ = global_sum_ = 0;
    for (std::int64_t r = 0; r < samples_ * per_sample_; ++r) {
      values_[r] = std::ldexp(values_[r], -exponent);
      sum_ += values_[r];
      if (r % per_sample_ == 0) global_sum_ += values_[r];
    }
  }

  bool absent() const { return view_.data == nullptr && !masked_; }
  // Whether all rows of a sample have the same weight.
  bool of_samples() const { return !masked_ && (view_.data == nullptr || view_.stride[1] == 0); }

  // The weight of row r in the order of samples, in units.
  double operator[](std::int64_t r) const { return values_ == nullptr ? 1 : values_[r]; }
  double sum() const { return sum_; }
  double global_sum() const { return global_sum_; }  // of the samples' global rows
  double unit() const { return unit_; }
  // The first row that counts.
  std::int64_t first() const {
    return absent()
               ? 0
               : std::find_if(values_, values_ + samples_ * per_sample_, [](double w) { return w != 0; }) - values_;
  }

 private:
  static bool masked(const gld_side& side) { return side.features.data != nullptr && side.mask.data != nullptr; }

  gld_view view_;  // [samples, rows of a sample]
  std::int64_t samples_, per_sample_;
  bool masked_;
  double* values_;  // null if absent
  double sum_ = 0, global_sum_ = 0, unit_ = 1;
};

}  // namespace gld
