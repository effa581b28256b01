// By what the error of a gradient with respect to logits is measured: the sizes of the terms that it is the sum of,
// times what multiplies the rounding of each. Where they cancel (by std the gradient of two classes is 0, and that of a
// bias through the relation always is), its own size says nothing.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "engine.h"
#include "shared/terms.h"

namespace yardstick {

using Numbers = std::vector<double>;

// m rows of logits, and the size of the terms whose sum each is: none where logits are given.
struct Logits {
  Numbers values, terms;
};

inline double sum(const Numbers& of) {
  double total = 0;
  for (const double x : of) total += x;
  return total;
}

// One row ready for its softmax. roundings: of each probability, relative to it, in those of one operation.
struct Row {
  double inverse = 0;  // 1 / (τσ) or 1 / τ
  Numbers size;        // of the normalized logits
  Numbers probability, roundings;
  double of_inverse = 0;  // roundings of `inverse`
};

inline Row row_of(const double* z, const double* terms, std::size_t classes, bool by_std, double degrees,
                  double temperature) {
  double mean = 0, squares = 0;
  for (std::size_t k = 0; k < classes; ++k) mean += z[k] / static_cast<double>(classes);
  for (std::size_t k = 0; k < classes; ++k) squares += (z[k] - mean) * (z[k] - mean);
  const std::size_t top = static_cast<std::size_t>(std::max_element(z, z + classes) - z);
  const bool constant = *std::min_element(z, z + classes) == z[top];
  Row row;
  row.inverse = !by_std ? 1 / temperature : constant ? 0 : 1 / std::sqrt(squares / degrees);
  double total = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    row.size.push_back(row.inverse * (terms[k] + std::abs(z[k] - (by_std ? mean : z[top]))));
    row.probability.push_back(std::exp(row.inverse * (z[k] - z[top])));
    total += row.probability[k];
    if (by_std) row.of_inverse += row.size[k] * row.inverse * terms[k] / degrees;
  }
  double of_total = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    row.probability[k] /= total;
    of_total += row.probability[k] * row.size[k];
  }
  for (std::size_t k = 0; k < classes; ++k) row.roundings.push_back(1 + row.size[k] + row.size[top] + of_total);
  return row;
}

// Adds the terms of weight (mass p - target).
inline void add_cross_entropy(const double* z, const double* terms, const Numbers& target, double weight, double* to) {
  const Row row = row_of(z, terms, target.size(), false, 0, 1);
  double mass = 0;
  for (const double x : target) mass += std::abs(x);
  for (std::size_t k = 0; k < target.size(); ++k) {
    to[k] += weight * (mass * row.probability[k] * row.roundings[k] + std::abs(target[k]));
  }
}

// Adds the terms of weight factor / (τσ) (slope - mean slope - y Σ slope y / degrees), slope = q - p.
inline void add_kd(const gld_call& call, const double* zt, const double* terms_t, const double* zs,
                   const double* terms_s, double weight, double* to) {
  const auto classes = static_cast<std::size_t>(call.classes);
  const bool by_std = call.normalization == GLD_NORMALIZE_STD;
  const double square = call.temperature * call.temperature;
  const double degrees = static_cast<double>(call.classes - (call.unbiased != 0 ? 1 : 0)) / square;
  const Row t = row_of(zt, terms_t, classes, by_std, degrees, call.temperature);
  const Row s = row_of(zs, terms_s, classes, by_std, degrees, call.temperature);
  const auto divisor = [](const Row& row) { return row.inverse == 0 ? 0 : 1 / row.inverse; };
  const double factor = by_std && call.compensated != 0 ? divisor(t) * divisor(s) : square;
  Numbers slope;
  double along = 0;
  for (std::size_t k = 0; k < classes; ++k) {
    const double of_teacher = t.probability[k] * (t.roundings[k] + t.of_inverse * t.size[k]);
    slope.push_back(of_teacher + s.probability[k] * (s.roundings[k] + s.of_inverse * s.size[k]));
    if (by_std) along += slope[k] * s.size[k] / degrees;
  }
  const double mean = sum(slope) / static_cast<double>(classes);
  for (std::size_t k = 0; k < classes; ++k) {
    to[k] += weight * factor * s.inverse * (1 + s.of_inverse) * (slope[k] + mean + along * s.size[k]);
  }
}

// One side of the relation: its centred rows with the terms of their logits, and their distances.
struct Distances {
  std::size_t m;
  Numbers rows;       // |x| + terms
  Numbers value;      // of each pair
  Numbers roundings;  // of each, relative to it
  Numbers norm;       // of each row of distances
  Numbers of_norm;    // its roundings, relative to it

  Distances(const Logits& of, std::size_t m_, bool euclidean, bool moments)
      : m(m_), rows(of.values.size()), value(m * m), roundings(m * m), norm(m), of_norm(m) {
    const std::size_t classes = of.values.size() / m;
    Numbers mean(classes), squares(m), sizes(m);
    for (std::size_t i = 0; i < of.values.size(); ++i) mean[i % classes] += of.values[i] / static_cast<double>(m);
    for (std::size_t i = 0; i < of.values.size(); ++i) {
      const double x = std::abs(of.values[i] - mean[i % classes]);
      rows[i] = x + of.terms[i];
      squares[i / classes] += x * x;
      sizes[i / classes] += rows[i] * rows[i];
    }
    for (std::size_t r = 0; r < m; ++r) {
      double total = 0;
      for (std::size_t c = 0; c < m; ++c) {
        double square = 0;
        for (std::size_t k = 0; k < classes; ++k) {
          const double x = of.values[r * classes + k] - of.values[c * classes + k];
          square += x * x;
        }
        if (square == 0) continue;
        const double cancelled = (sizes[r] + sizes[c]) / square;
        // Where most of the digits of a squared distance cancel, the root is taken of the sum of squared differences.
        const bool close = euclidean && square <= 1e-2 * (squares[r] + squares[c]);
        const std::size_t at = r * m + c;
        value[at] = euclidean ? std::sqrt(square) : square;
        roundings[at] = 1 + (close ? std::sqrt(cancelled) : cancelled);
        norm[r] += value[at] * value[at];
        total += value[at] * value[at] * roundings[at] * (moments ? roundings[at] : 1);
      }
      of_norm[r] = norm[r] == 0 ? 0 : total / norm[r];
      norm[r] = std::sqrt(norm[r]);
    }
  }
};

// Adds the terms of 2 weight Σ_c A_rc (x_r - x_c), A = g + gᵀ, g_rc = a_r dt_rc + b_r ds_rc. By pairs, what is lost of
// A_rc counts x_r - x_c times, as one A_rc multiplies both; what is lost in the sums does as often as either row.
inline void add_relation(const Logits& teacher, const Logits& student, std::size_t m, bool euclidean, bool moments,
                         double weight, Numbers& to) {
  const Distances t(teacher, m, euclidean, moments), s(student, m, euclidean, moments);
  const std::size_t classes = to.size() / m;
  Numbers of_teacher(m), of_student(m), of_norms(m);
  for (std::size_t r = 0; r < m; ++r) {
    if (t.norm[r] == 0 || s.norm[r] == 0) continue;
    of_teacher[r] = 2 / t.norm[r] / s.norm[r];
    of_student[r] = 2 / s.norm[r] / s.norm[r];
    of_norms[r] = t.of_norm[r] + s.of_norm[r];
  }
  for (std::size_t r = 0; r < m; ++r) {
    for (std::size_t c = 0; c < m; ++c) {
      const std::size_t at = r * m + c;
      if (s.value[at] == 0) continue;
      const double slope = euclidean ? 1 / (2 * s.value[at]) : 1;
      const double a = (of_teacher[r] + of_teacher[c]) * t.value[at] * slope;
      const double b = (of_student[r] + of_student[c]) * s.value[at] * slope;
      const double norms = std::max(of_norms[r], of_norms[c]);
      const double lost =
          a * (norms + t.roundings[at]) + b * (norms + s.roundings[at]) + (euclidean ? (a + b) * s.roundings[at] : 0);
      for (std::size_t k = 0; k < classes; ++k) {
        const std::size_t one = r * classes + k, other = c * classes + k;
        const double rows = s.rows[one] + s.rows[other];
        const double apart = moments ? rows : std::abs(student.values[one] - student.values[other]);
        to[one] += 2 * weight * ((a + b) * rows + lost * apart);
      }
    }
  }
}

// Of the gradient of a stage with a loss. targets: of the global rows, n of them; empty if there is no task.
inline Numbers logit_gradient(const gld_call& call, gld_stage stage, std::int32_t method, const Logits& teacher,
                              const Logits& student, const Numbers& targets) {
  const gld::Terms terms(call, stage);
  const auto classes = static_cast<std::size_t>(call.classes);
  const auto n = static_cast<double>(call.n);
  const auto m = static_cast<std::size_t>(call.n * call.rows);
  Numbers sizes(m * classes);
  for (std::size_t r = 0; r < m; ++r) {
    const auto rows = static_cast<std::size_t>(call.rows);
    const bool global = r % rows == 0;
    const std::size_t at = r * classes;
    const double* const z = &student.values[at];
    if (terms.task && global) {
      const double* const target = &targets[r / rows * classes];
      add_cross_entropy(z, &student.terms[at], {target, target + classes}, terms.task_weight / n, &sizes[at]);
    }
    if (terms.divergence) {
      const double weight = (global ? terms.global_weight : terms.local_weight) / n;
      add_kd(call, &teacher.values[at], &teacher.terms[at], z, &student.terms[at], weight, &sizes[at]);
    }
  }
  if (terms.relation && terms.relation_weight != 0) {
    const auto rows = static_cast<double>(m);
    const double weight = terms.relation_weight / rows / (call.relation_rows == 0 ? rows : call.relation_rows);
    add_relation(teacher, student, m, call.metric == GLD_METRIC_EUCLIDEAN, method == GLD_METHOD_MOMENTS, weight, sizes);
  }
  return sizes;
}

}  // namespace yardstick
