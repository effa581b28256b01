// Stage normalized_kd: KL( softmax(zt / s(zt)) || softmax(zs / s(zs)) ) of one row and its gradient with respect to zs,
// by the threads that hold both rows. s is the standard deviation over the classes, a temperature or their product; the
// formulas are those of shared/normalized_kd.h. docs/mathematics.md
#pragma once

#include "../shared/normalized_kd.h"
#include "line.cuh"

namespace gld::cuda {

// The normalized logits y of a row: formed once and kept in place of the logits, or each time anew.
template <int kThreads, int kPacks>
struct NormalizedLine {
  using Row = Line<kThreads, kPacks>;

  Row logits;
  bool by_std, constant;
  StdNormalizationInT<float> std;
  float high, inverse_temperature;
  float top;  // the largest y: what makes y of the logits is monotonic

  __device__ NormalizedLine(const Row& row, bool by_std_, bool constant_, const StdNormalization<float>& exact,
                            float high_, float inverse)
      : logits(row), by_std(by_std_), constant(constant_), std(exact), high(high_), inverse_temperature(inverse) {
    top = form(high);
    if constexpr (Row::kInRegisters) {
      Row::each(logits.classes, [&](int slot, int) { logits.kept[slot] = form(logits.kept[slot]); });
    }
  }

  __device__ float at(int slot, int k) const {
    if constexpr (Row::kInRegisters) {
      return logits.kept[slot];
    } else {
      return form(logits.at(slot, k));
    }
  }

 private:
  __device__ float form(float z) const {
    if (!by_std) return tempered_in_t(z, high, inverse_temperature);
    return constant ? 0.0f : std(z);
  }
};

// The loss of a row; every thread gets it. grad gains weight * *unit * its gradient unless weight is 0.
template <int kThreads, int kPacks>
__device__ double normalized_kd(const Line<kThreads, kPacks>& teacher, const Line<kThreads, kPacks>& student,
                                const Normalization& by, double weight, const double* unit,
                                GradientLine<kThreads, kPacks>& grad) {
  using Row = Line<kThreads, kPacks>;
  const int classes = student.classes;

  // Highest and minus lowest of the teacher, then the student. Where a row excludes every class, everything is NaN.
  float ends[4] = {-INFINITY, -FLT_MAX, -INFINITY, -FLT_MAX};
  const auto poison = [&](float z) { return by.by_std ? poison_of(z) : poison_but_of_excluded(z); };
  // Exponentials of the teacher and of the student, with the poison of either; the teacher's times the gap.
  double total[3] = {};
  Row::each(classes, [&](int slot, int k) {
    const float zt = teacher.at(slot, k);
    const float zs = student.at(slot, k);
    ends[0] = Larger{}(ends[0], zt);
    ends[1] = Larger{}(ends[1], -zt);
    ends[2] = Larger{}(ends[2], zs);
    ends[3] = Larger{}(ends[3], -zs);
    total[0] += static_cast<double>(poison(zt));
    total[1] += static_cast<double>(poison(zs));
  });
  reduce_block<kThreads>(ends, Larger{});

  NormalizedRow t, s;
  StdNormalization<float> exact_t(ends[0], -ends[1]);
  StdNormalization<float> exact_s(ends[2], -ends[3]);
  const bool constant_t = constant_row(ends[0], -ends[1]);
  const bool constant_s = constant_row(ends[2], -ends[3]);
  if (by.by_std) {
    double sum[2] = {};
    {
      const StdNormalizationInT<float> of_t(exact_t), of_s(exact_s);
      Row::template sums<double>(classes, sum, [&](int slot, int k, double* values) {
        values[0] = of_t.scaled(teacher.at(slot, k));
        values[1] = of_s.scaled(student.at(slot, k));
      });
      exact_t.set_mean(sum[0], classes);
      exact_s.set_mean(sum[1], classes);
    }
    double squares[2] = {};
    {
      const StdNormalizationInT<float> of_t(exact_t), of_s(exact_s);
      Row::template sums<double>(classes, squares, [&](int slot, int k, double* values) {
        const double ct = of_t.centred(of_t.scaled(teacher.at(slot, k)));
        const double cs = of_s.centred(of_s.scaled(student.at(slot, k)));
        values[0] = ct * ct;
        values[1] = cs * cs;
      });
      const double inverse_t = exact_t.set_deviation(squares[0], by.degrees);
      t.inverse = constant_t ? 0 : inverse_t;
      s.inverse = constant_s ? 0 : exact_s.set_deviation(squares[1], by.degrees);
    }
  } else {
    t.inverse = s.inverse = 1 / by.temperature;
  }
  const double inverse_temperature = 1 / by.temperature;
  const float inverse =
      static_cast<float>(inverse_temperature < kLargest<float> ? inverse_temperature : kLargest<float>);
  const NormalizedLine<kThreads, kPacks> yt(teacher, by.by_std, constant_t, exact_t, ends[0], inverse);
  const NormalizedLine<kThreads, kPacks> ys(student, by.by_std, constant_s, exact_s, ends[2], inverse);

  Row::template sums<float>(classes, total, [&](int slot, int k, float* values) {
    const float a = yt.at(slot, k);
    const float b = ys.at(slot, k);
    values[0] = expf(a - yt.top);
    values[1] = expf(b - ys.top);
    values[2] = kl_gap(values[0], a, b);
  });
  t.top = yt.top;
  s.top = ys.top;
  t.total = total[0];
  s.total = total[1];
  const double factor = by.factor(t, s);
  if (grad.row != nullptr && weight != 0) {
    const auto of_student = static_cast<float>(1 / s.total);
    const auto of_teacher = static_cast<float>(1 / t.total);
    const auto slope = [&](int slot, int k) {
      return kl_slope_in_t(expf(ys.at(slot, k) - ys.top), of_student, expf(yt.at(slot, k) - yt.top), of_teacher);
    };
    double moment[2] = {};
    Row::template sums<float>(classes, moment, [&](int slot, int k, float* values) {
      values[0] = slope(slot, k);
      values[1] = values[0] * ys.at(slot, k);
    });
    // The factors are in double: of two classes, say, nothing but rounding is left, and 1/σ may be large.
    const NormalizedGradient gradient{weight * *unit * factor * s.inverse, by.by_std ? moment[0] / classes : 0,
                                      by.by_std ? moment[1] / by.degrees : 0};
    Row::each(classes, [&](int slot, int k) {
      grad.add(slot, k, gradient(slope(slot, k), by.by_std ? ys.at(slot, k) : 0.0f));  // not along -Inf
    });
  }
  return factor * kl_value(t, s, total[2]);
}

}  // namespace gld::cuda
