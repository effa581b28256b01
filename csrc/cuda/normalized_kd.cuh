// Stage normalized_kd: KL( softmax(zt / s(zt)) || softmax(zs / s(zs)) ) of one row and its gradient with respect to zs, by
// the threads that hold both rows. s is the standard deviation over the classes or a temperature; the formulas are those of
// formulas/normalized_kd.h. DESIGN §2.4.
#pragma once

#include "../formulas/normalized_kd.h"
#include "line.cuh"

namespace gld::cuda {

struct Normalization {
  bool by_std;
  double degrees;  // classes - 1 or classes
  double temperature;
};

// From a logit to y.
struct Normalizer {
  bool by_std, constant;
  StdNormalizationInT<float> std;
  float high, inverse_temperature;

  __device__ float operator()(float z) const {
    if (!by_std) return tempered_in_t(z, high, inverse_temperature);
    return constant ? 0.0f : std(z);
  }
};

// The loss of a row; every thread gets it. grad gains weight * its gradient unless weight is 0.
template <int kThreads, int kPacks>
__device__ double normalized_kd(const Line<kThreads, kPacks>& teacher, const Line<kThreads, kPacks>& student,
                                const Normalization& by, double weight, GradientLine<kThreads, kPacks>& grad) {
  using Row = Line<kThreads, kPacks>;
  const int classes = student.classes;

  float ends[4] = {-FLT_MAX, -FLT_MAX, -FLT_MAX, -FLT_MAX};  // highest and minus lowest of the teacher, then the student
  Row::each(classes, [&](int slot, int k) {
    const float zt = teacher.at(slot, k);
    const float zs = student.at(slot, k);
    ends[0] = Larger{}(ends[0], zt);
    ends[1] = Larger{}(ends[1], -zt);
    ends[2] = Larger{}(ends[2], zs);
    ends[3] = Larger{}(ends[3], -zs);
  });
  reduce_block<kThreads>(ends, Larger{});

  NormalizedRow t, s;
  StdNormalization<float> exact_t(ends[0], -ends[1]);
  StdNormalization<float> exact_s(ends[2], -ends[3]);
  const bool constant_t = constant_row(ends[0], -ends[1]);
  const bool constant_s = constant_row(ends[2], -ends[3]);
  if (by.by_std) {
    double sum[2];
    {
      const StdNormalizationInT<float> of_t(exact_t), of_s(exact_s);
      Row::sums(classes, sum, [&](int slot, int k, float* values) {
        values[0] = of_t.scaled(teacher.at(slot, k));
        values[1] = of_s.scaled(student.at(slot, k));
      });
      exact_t.set_mean(sum[0], classes);
      exact_s.set_mean(sum[1], classes);
    }
    {
      const StdNormalizationInT<float> of_t(exact_t), of_s(exact_s);
      Row::sums(classes, sum, [&](int slot, int k, float* values) {
        const float ct = of_t.centred(of_t.scaled(teacher.at(slot, k)));
        const float cs = of_s.centred(of_s.scaled(student.at(slot, k)));
        values[0] = ct * ct;
        values[1] = cs * cs;
      });
      exact_t.set_deviation(sum[0], by.degrees);
      s.inverse = constant_s ? 0 : exact_s.set_deviation(sum[1], by.degrees);
    }
  } else {
    s.inverse = 1 / by.temperature;
  }
  const double inverse_temperature = 1 / by.temperature;
  const float inverse = static_cast<float>(inverse_temperature < kLargest<float> ? inverse_temperature : kLargest<float>);
  const Normalizer yt{by.by_std, constant_t, StdNormalizationInT<float>(exact_t), ends[0], inverse};
  const Normalizer ys{by.by_std, constant_s, StdNormalizationInT<float>(exact_s), ends[2], inverse};
  // What makes y of the logits is monotonic.
  const float top_t = yt(ends[0]);
  const float top_s = ys(ends[2]);

  double total[3];  // exponentials of the teacher, of the student, the teacher's times the gap
  Row::sums(classes, total, [&](int slot, int k, float* values) {
    const float zt = teacher.at(slot, k);
    const float zs = student.at(slot, k);
    const float a = yt(zt);
    const float b = ys(zs);
    const float et = expf(a - top_t);
    values[0] = et + poison_of(zt);
    values[1] = expf(b - top_s) + poison_of(zs);
    values[2] = et * (a - b);
  });
  t.top = top_t;
  s.top = top_s;
  t.total = total[0];
  s.total = total[1];
  const double factor = kd_factor(by.by_std, by.temperature);
  if (grad.row != nullptr && weight != 0) {
    const auto of_student = static_cast<float>(1 / s.total);
    const auto of_teacher = static_cast<float>(1 / t.total);
    const auto slope = [&](float a, float b) {
      return kl_slope_in_t(expf(b - top_s), of_student, expf(a - top_t), of_teacher);
    };
    double moment[2];
    Row::sums(classes, moment, [&](int slot, int k, float* values) {
      const float b = ys(student.at(slot, k));
      values[0] = slope(yt(teacher.at(slot, k)), b);
      values[1] = values[0] * b;
    });
    const NormalizedGradient gradient{weight * factor * s.inverse, moment[0] / classes, by.by_std ? moment[1] / by.degrees : 0};
    Row::each(classes, [&](int slot, int k) {
      const float b = ys(student.at(slot, k));
      grad.add(slot, k, gradient.in_t(slope(yt(teacher.at(slot, k)), b), b));
    });
  }
  return factor * kl_value(t, s, total[2]);
}

}  // namespace gld::cuda
