// KL( softmax(yt) || softmax(ys) ) of one row, y = z / (τ σ(z)) or z / τ, and its gradient with respect to zs. Paper
// equation for L_ND; docs/mathematics.md y may be shifted by any constant of its row, which no softmax sees.
#pragma once

#include "../engine.h"
#include "arithmetic.h"
#include "softmax.h"

namespace gld {

// A row ready for its softmax.
struct NormalizedRow {
  double top = 0;         // largest y
  double total = 0;       // Σ exp(y - top), NaN if the row has a NaN or Inf
  double inverse = 0;     // d y / d z apart from the row statistics: 1/(τσ) or 1/τ, and 0 for a constant row
  bool excludes = false;  // some y are -Inf: by temperature only, for σ would not be finite

  // What divided the row, τσ or τ; 0 for a constant one.
  GLD_HOST_DEVICE double divisor() const { return inverse == 0 ? 0 : 1 / inverse; }
};

// How a call wants its logits normalized.
struct Normalization {
  bool by_std;  // else by temperature
  double degrees;  // Σ (z - μ)² / degrees = (τσ)²: those of the variance, classes - 1 (unbiased) or classes, over τ²
  double temperature;
  bool compensated;

  static Normalization of(const gld_call& call) {
    const auto of_variance = static_cast<double>(call.unbiased ? call.classes - 1 : call.classes);
    const bool by_std = call.normalization == GLD_NORMALIZE_STD;
    return {by_std, of_variance / (call.temperature * call.temperature), call.temperature,
            by_std && call.compensated != 0};
  }

  // Factor of a row's loss, a constant for its gradient: τ² of Hinton et al., or what divided the row on either side.
  GLD_HOST_DEVICE double factor(const NormalizedRow& teacher, const NormalizedRow& student) const {
    return compensated ? teacher.divisor() * student.divisor() : temperature * temperature;
  }
};

// y = (z - μ) / (τσ) in three steps, so that an engine may sum between them: scaled(z), whose mean it sets, centred(),
// whose deviation it sets, normalized(). Not for constant rows, see constant_row().
template <class T>
struct StdNormalization {
  double scale;     // a power of two that takes the largest logit to about 1: squares neither overflow nor vanish
  double mean = 0;  // of the scaled logits
  double unit = 0;  // 1 / (τσ) of the scaled logits

  GLD_HOST_DEVICE StdNormalization(T high, T low) {
    const T above = high < 0 ? -high : high;
    const T below = low < 0 ? -low : low;
    scale = inverse_power(static_cast<double>(above < below ? below : above));
  }

  GLD_HOST_DEVICE void set_mean(double sum, double classes) { mean = sum / classes; }
  // squares = Σ centred², degrees those of Normalization. Returns d y / d z apart from the row statistics, 1 / (τσ).
  GLD_HOST_DEVICE double set_deviation(double squares, double degrees) {
    const double deviation = std::sqrt(squares / degrees);
    // A tiny τ must not make infinities to subtract.
    unit = deviation < 4 / kLargest<T> ? kLargest<T> / 4 : 1 / deviation;
    const double inverse = scale / deviation;
    return kLargest<double> < inverse ? kLargest<double> : inverse;  // subnormal logits
  }

  // V is T or double, which gives the same: a power of two rounds nothing.
  template <class V>
  GLD_HOST_DEVICE V scaled(V logit) const {
    return static_cast<V>(static_cast<double>(logit) * scale);
  }
  GLD_HOST_DEVICE T centred(double value) const { return static_cast<T>(value - mean); }
  GLD_HOST_DEVICE T normalized(T value) const { return static_cast<T>(static_cast<double>(value) * unit); }
  GLD_HOST_DEVICE T operator()(T logit) const { return normalized(centred(scaled(static_cast<double>(logit)))); }
};

// StdNormalization for engines on which double is slow, in T and correctly rounded as well but for rare last bits: of
// two classes, y is -c and c exactly, and rows that are multiples of each other have the same y.
template <class T>
struct StdNormalizationInT {
  T scale[2];  // as a product: that of a subnormal row does not fit float
  T mean, mean_rest;
  T unit, unit_rest;

  GLD_HOST_DEVICE explicit StdNormalizationInT(const StdNormalization<T>& exact)
      : mean(static_cast<T>(exact.mean)),
        mean_rest(static_cast<T>(exact.mean - static_cast<double>(mean))),
        unit(static_cast<T>(exact.unit)),
        unit_rest(static_cast<T>(exact.unit - static_cast<double>(unit))) {
    const bool extreme = exact.scale > 0x1p126 || exact.scale < 0x1p-126;
    scale[0] = extreme ? static_cast<T>(exact.scale < 1 ? 0x1p-64 : 0x1p64) : T(1);
    scale[1] = static_cast<T>(exact.scale / static_cast<double>(scale[0]));
  }

  GLD_HOST_DEVICE T scaled(T logit) const { return logit * scale[0] * scale[1]; }
  GLD_HOST_DEVICE T centred(T value) const {
    const T difference = value - mean;
    const T taken = difference - value;  // with its rounding
    const T lost = (value - (difference - taken)) - (mean + taken);
    return difference + (lost - mean_rest);
  }
  GLD_HOST_DEVICE T normalized(T value) const {
    const T product = std::fma(value, unit, T(0));  // no operation that a compiler might fuse with the last addition
    const T lost = std::fma(value, unit, -product);
    return product + std::fma(value, unit_rest, lost);
  }
  GLD_HOST_DEVICE T operator()(T logit) const { return normalized(centred(scaled(logit))); }
};

// σ = 0 exactly: y = 0, the uniform distribution by definition, and gradient 0. Rounding can hide a constant row from a
// computed σ, not from this. False for NaN.
template <class T>
GLD_HOST_DEVICE inline bool constant_row(T high, T low) {
  return high == low;
}

// y = (z - high) / τ; the largest y is 0.
template <class T>
GLD_HOST_DEVICE inline T tempered(T logit, T high, double inverse_temperature) {
  const double shifted = (static_cast<double>(logit) - static_cast<double>(high)) * inverse_temperature;
  // A tiny τ must not make infinities to subtract.
  return static_cast<T>(shifted < -kLargest<T> ? -kLargest<T> : shifted);
}

// An excluded class has y = -Inf.
template <class T>
GLD_HOST_DEVICE inline T tempered_in_t(T logit, T high, T inverse_temperature) {
  if (excluded(logit)) return logit;
  const T shifted = (logit - high) * inverse_temperature;
  return shifted < static_cast<T>(-kLargest<T>) ? static_cast<T>(-kLargest<T>) : shifted;
}

// exp(yt - top_t) (yt - ys) of one class. A class that the teacher excludes has no part in the sum, and one that the
// student alone excludes makes it infinite, even where the exponential vanishes.
template <class T>
GLD_HOST_DEVICE inline T kl_gap(T exponential, T teacher, T student) {
  if (excluded(teacher)) return 0;
  return excluded(student) ? static_cast<T>(INFINITY) : exponential * (teacher - student);
}

// KL from log-softmax: log p - log q = (yt - ys) - (top_t - top_s) - (log total_t - log total_s).
// weighted_gap = Σ exp(yt_k - top_t) (yt_k - ys_k).
GLD_HOST_DEVICE inline double kl_value(const NormalizedRow& t, const NormalizedRow& s, double weighted_gap) {
  const double offset = (t.top - s.top) + std::log(t.total / s.total);
  const double divergence = weighted_gap / t.total - offset;
  return divergence < 0 ? 0 : divergence;  // what rounding leaves below zero is not information. A NaN passes.
}

// d KL / d y_k = q_k - p_k, from the exponentials and 1 / total of either side.
template <class T>
GLD_HOST_DEVICE inline T kl_slope(T student, double of_student, T teacher, double of_teacher) {
  return static_cast<T>(static_cast<double>(student) * of_student - static_cast<double>(teacher) * of_teacher);
}

template <class T>
GLD_HOST_DEVICE inline T kl_slope_in_t(T student, T of_student, T teacher, T of_teacher) {
  // Products that a compiler cannot fuse with the difference, so that equal rows give 0.
  return std::fma(student, of_student, T(0)) - std::fma(teacher, of_teacher, T(0));
}

// From d KL / d y to the gradient with respect to z. Through σ: d y_j / d z_k = (δ_jk - 1/K - y_j y_k / degrees) /
// (τσ).
struct NormalizedGradient {
  double scale;  // weight * factor * inverse of the student's row
  double mean;   // of the slopes, which is 0 up to rounding; 0 by temperature, where classes may be excluded
  double along;  // Σ slope_k y_k / degrees; 0 by temperature

  template <class T>
  GLD_HOST_DEVICE T operator()(T slope, T y) const {
    return static_cast<T>(scale * (static_cast<double>(slope) - mean - along * static_cast<double>(y)));
  }
};

}  // namespace gld
