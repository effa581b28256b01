// What the checks of the CUDA engine's products share: device matrices with random content, float64 references, errors.
#pragma once

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cuda/launch.cuh"
#include "cuda/views.h"

namespace check {

using namespace gld::cuda;
using Index = std::int64_t;

// A float64 matrix, whose values are float32 where it stands for an input.
struct Values {
  Index rows = 0, columns = 0;
  std::vector<double> data;

  Values() = default;
  Values(Index rows_, Index columns_)
      : rows(rows_), columns(columns_), data(static_cast<std::size_t>(rows_ * columns_)) {}
  double& at(Index r, Index c) { return data[static_cast<std::size_t>(r * columns + c)]; }
  double at(Index r, Index c) const { return data[static_cast<std::size_t>(r * columns + c)]; }
};

inline std::mt19937& random() {
  static std::mt19937 engine(7);
  return engine;
}

inline Values normal(Index rows, Index columns, double scale = 1, double offset = 0) {
  std::normal_distribution<double> of(offset, scale);
  Values values(rows, columns);
  for (double& value : values.data) value = static_cast<double>(static_cast<float>(of(random())));
  return values;
}

inline Values transposed(const Values& from) {
  Values to(from.columns, from.rows);
  for (Index r = 0; r < from.rows; ++r) {
    for (Index c = 0; c < from.columns; ++c) to.at(c, r) = from.at(r, c);
  }
  return to;
}

inline Values product(const Values& left, const Values& right) {
  Values to(left.rows, right.columns);
  for (Index r = 0; r < left.rows; ++r) {
    for (Index k = 0; k < left.columns; ++k) {
      const double factor = left.at(r, k);
      for (Index c = 0; c < right.columns; ++c) to.at(r, c) += factor * right.at(k, c);
    }
  }
  return to;
}

inline Values absolute(Values values) {
  for (double& value : values.data) value = std::fabs(value);
  return values;
}

// Device memory of its own, so that AddressSanitizer sees what is read or written beyond it; elements between rows are
// NaN.
class OnTheDevice {
 public:
  OnTheDevice(const Values& from, Stream stream) : OnTheDevice(from.rows, from.columns) {
    std::vector<float> host(static_cast<std::size_t>(rows_ * pitch_), std::nanf(""));
    for (Index r = 0; r < rows_; ++r) {
      for (Index c = 0; c < columns_; ++c) host[at(r, c)] = static_cast<float>(from.at(r, c));
    }
    copy_to_device(stream, memory_->data(), host.data(), host.size() * sizeof(float));
    GLD_CUDA_CHECK(cudaStreamSynchronize(stream));
  }
  OnTheDevice(Index rows, Index columns) : rows_(rows), columns_(columns), pitch_((columns + 3) / 4 * 4) {
    memory_ = std::make_unique<DeviceMemory>();
    memory_->grow(static_cast<std::size_t>(rows_ * pitch_) * sizeof(float));
  }

  Matrix matrix() const { return {reinterpret_cast<float*>(memory_->data()), pitch_}; }
  Values read(Stream stream) const {
    std::vector<float> host(static_cast<std::size_t>(rows_ * pitch_));
    copy_to_host(stream, host.data(), memory_->data(), host.size() * sizeof(float));
    GLD_CUDA_CHECK(cudaStreamSynchronize(stream));
    Values values(rows_, columns_);
    for (Index r = 0; r < rows_; ++r) {
      for (Index c = 0; c < columns_; ++c) values.at(r, c) = static_cast<double>(host[at(r, c)]);
    }
    return values;
  }

 private:
  std::size_t at(Index r, Index c) const { return static_cast<std::size_t>(r * pitch_ + c); }

  Index rows_, columns_, pitch_;
  std::unique_ptr<DeviceMemory> memory_;
};

// Largest |a - b| over the largest |b|.
inline double relative(const Values& a, const Values& b) {
  double largest = 0, difference = 0;
  for (std::size_t i = 0; i < b.data.size(); ++i) {
    largest = std::fmax(largest, std::fabs(b.data[i]));
    const double one = std::fabs(a.data[i] - b.data[i]);
    if (!(one <= difference)) difference = one;
  }
  return difference == 0 ? 0 : difference / largest;
}

// ‖a - b‖ / ‖b‖
inline double relative_norm(const Values& a, const Values& b) {
  double square = 0, difference = 0;
  for (std::size_t i = 0; i < b.data.size(); ++i) {
    square += b.data[i] * b.data[i];
    difference += (a.data[i] - b.data[i]) * (a.data[i] - b.data[i]);
  }
  return difference == 0 ? 0 : std::sqrt(difference / square);
}

inline int& failures() {
  static int count = 0;
  return count;
}

// Prints what exceeds its bound (NaN does too), or everything if GLD_CHECK_VERBOSE is set.
inline void expect(const std::string& what, double error, double bound) {
  static const bool verbose = std::getenv("GLD_CHECK_VERBOSE") != nullptr;
  const bool right = error <= bound;
  if (!right) ++failures();
  if (!right || verbose)
    std::printf("%s %s: %.3g, allowed %.3g\n", right ? "ok" : "not ok", what.c_str(), error, bound);
}

class Stage {
 public:
  explicit Stage(std::int32_t precision = GLD_PRECISION_FLOAT32) {
    int major = 0, minor = 0;
    GLD_CUDA_CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0));
    GLD_CUDA_CHECK(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, 0));
    stop_.grow(sizeof(std::int32_t));
    clear(stream_.get(), stop_.data(), sizeof(std::int32_t));
    launch_ = {stream_.get(), reinterpret_cast<const std::int32_t*>(stop_.data()), 4, 10 * major + minor, precision};
  }
  const Launch& launch() const { return launch_; }
  Stream stream() const { return launch_.stream; }
  bool tensor_cores() const { return launch_.arch >= 80; }

  // Plans with make(arena), takes that much memory, and gives what make() gives then.
  template <class F>
  auto plan(F&& make) {
    Arena planning;
    make(planning);
    workspace_.release();
    workspace_.grow(planning.used() + Arena::kAlignment);
    Arena arena(workspace_.data(), planning.used());
    return make(arena);
  }

 private:
  OwnStream stream_;
  DeviceMemory stop_, workspace_;
  Launch launch_;
};

// Rounding of the inputs of a product in each precision: half a unit in the last place.
inline double unit(std::int32_t precision, bool tensor_cores) {
  if (!tensor_cores || precision == GLD_PRECISION_FLOAT32) return 0x1p-22;
  return precision == GLD_PRECISION_TF32 ? 0x1p-11 : 0x1p-8;
}

void product_checks();
void classifier_checks();
void centred_checks();
void relation_checks();

}  // namespace check
