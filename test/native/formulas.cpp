// The formulas of csrc/shared by themselves, each against another way to the same number. Prints one line per failure
// and ends with the number of checks; also compiled by nvcc, which shows that device code may call every one of them.
#include <cstdio>
#include <vector>

#include "../../csrc/shared/cross_entropy.h"
#include "../../csrc/shared/normalized_kd.h"
#include "../../csrc/shared/relation_moments.h"
#include "../../csrc/shared/relation_pairwise.h"

namespace {

using Row = std::vector<double>;

int checks = 0;
int failures = 0;

void check(bool holds, const char* what) {
  ++checks;
  if (holds) return;
  ++failures;
  std::printf("failed: %s\n", what);
}
void near(double got, double expected, double tolerance, const char* what) {
  const double scale = std::fabs(expected) > 1 ? std::fabs(expected) : 1;
  check(std::fabs(got - expected) <= tolerance * scale, what);
}

Row made_up(int count, int seed) {
  Row row(static_cast<std::size_t>(count));
  for (int k = 0; k < count; ++k)
    row[static_cast<std::size_t>(k)] = 3 * std::sin(1.7 * k + 0.9 * seed + 0.1 * k * seed);
  return row;
}
double sum_of(const Row& row) {
  double total = 0;
  for (double value : row) total += value;
  return total;
}
double dot_of(const Row& a, const Row& b) {
  double total = 0;
  for (std::size_t k = 0; k < a.size(); ++k) total += a[k] * b[k];
  return total;
}
double top_of(const Row& row, double sign = 1) {
  double top = sign * row[0];
  for (double value : row) top = sign * value > top ? sign * value : top;
  return sign * top;
}

// --- normalized_kd

struct Prepared {
  Row y, exponential;
  gld::NormalizedRow row;
};

Prepared prepare(const Row& logits, const gld::Normalization& by) {
  Prepared out{logits, logits, {}};
  const double high = top_of(logits);
  if (by.by_std && gld::constant_row(high, top_of(logits, -1))) {
    out.y.assign(logits.size(), 0);
  } else if (by.by_std) {
    gld::StdNormalization<double> to(high, top_of(logits, -1));
    for (double& y : out.y) y = to.scaled(y);
    to.set_mean(sum_of(out.y), static_cast<double>(logits.size()));
    for (double& y : out.y) y = to.centred(y);
    out.row.inverse = to.set_deviation(dot_of(out.y, out.y), by.degrees);
    for (double& y : out.y) y = to.normalized(y);
    check(to(high) == top_of(out.y), "the three steps at once are the three steps");
  } else {
    out.row.inverse = 1 / by.temperature;
    for (double& y : out.y) y = gld::tempered(y, high, out.row.inverse);
  }
  out.row.top = top_of(out.y);
  for (std::size_t k = 0; k < out.y.size(); ++k) out.exponential[k] = std::exp(out.y[k] - out.row.top);
  out.row.total = sum_of(out.exponential);
  return out;
}

struct Divergence {
  double value;
  Row gradient;
};

Divergence divergence(const Row& teacher, const Row& student, const gld::Normalization& by) {
  const Prepared t = prepare(teacher, by);
  const Prepared s = prepare(student, by);
  Row gap = t.y, slope = s.y;
  for (std::size_t k = 0; k < gap.size(); ++k) {
    gap[k] = t.y[k] - s.y[k];
    slope[k] = gld::kl_slope(s.exponential[k], 1 / s.row.total, t.exponential[k], 1 / t.row.total);
  }
  const double factor = by.factor(t.row, s.row);
  const gld::NormalizedGradient through{factor * s.row.inverse, sum_of(slope) / static_cast<double>(slope.size()),
                                        by.by_std ? dot_of(slope, s.y) / by.degrees : 0};
  Row gradient = slope;
  for (std::size_t k = 0; k < slope.size(); ++k) gradient[k] = through(slope[k], s.y[k]);
  return {factor * gld::kl_value(t.row, s.row, dot_of(t.exponential, gap)), gradient};
}

// Four-point central difference of f along class k.
template <class F>
double derivative(const Row& at, std::size_t k, F&& f) {
  const double step = 1e-3;
  const auto value = [&](double steps) {
    Row moved = at;
    moved[k] += steps * step;
    return f(moved);
  };
  return (value(-2) - 8 * value(-1) + 8 * value(1) - value(2)) / (12 * step);
}

gld::Normalization by_std(int classes, double temperature) {
  return {true, (classes - 1) / (temperature * temperature), temperature, false};
}

void normalized_kd() {
  for (int classes : {2, 3, 10, 100}) {
    for (const gld::Normalization& by :
         {by_std(classes, 1), by_std(classes, 4), gld::Normalization{false, 0, 4, false}}) {
      const Row teacher = made_up(classes, 1);
      const Row student = made_up(classes, 2);
      const Divergence got = divergence(teacher, student, by);
      check(got.value >= 0, "a divergence is not negative");
      near(divergence(teacher, teacher, by).value, 0, 1e-14, "of a row from itself it is zero");
      near(sum_of(got.gradient), 0, 1e-13, "its gradient is orthogonal to the all-ones vector");
      if (by.by_std) near(dot_of(got.gradient, student), 0, 1e-12, "and to the row itself: y has no scale");
      for (std::size_t k = 0; k < student.size(); k += 7) {
        near(got.gradient[k], derivative(student, k, [&](const Row& z) { return divergence(teacher, z, by).value; }),
             1e-9, "its gradient is that of its value");
      }
      // A power of two in the logits changes no bit of y, from the subnormal to what would overflow when squared.
      for (double scale : {std::ldexp(1.0, -600), std::ldexp(1.0, 600)}) {
        Row scaled = student;
        for (double& z : scaled) z *= scale;
        if (by.by_std) check(prepare(scaled, by).y == prepare(student, by).y, "y has no scale");
      }
      if (!by.by_std) continue;
      gld::Normalization compensated = by;
      compensated.compensated = true;
      const double factor = prepare(teacher, by).row.divisor() * prepare(student, by).row.divisor();
      const double usual = by.temperature * by.temperature;
      const Divergence other = divergence(teacher, student, compensated);
      near(other.value, factor / usual * got.value, 1e-13, "compensated it is the same times what divided the rows");
      for (std::size_t k = 0; k < student.size(); ++k) {
        near(other.gradient[k], factor / usual * got.gradient[k], 1e-13, "and its gradient, as that is a constant");
      }
    }
  }
  const Row constant(10, 0.1);
  const Divergence flat = divergence(made_up(10, 1), constant, by_std(10, 1));
  check(top_of(flat.gradient) == 0 && top_of(flat.gradient, -1) == 0, "a constant row has no gradient");
  near(divergence(constant, constant, by_std(10, 1)).value, 0, 1e-15, "two constant rows are both uniform");
  for (double temperature : {1e-200, 1e-39}) {
    const Divergence cold = divergence(made_up(10, 1), made_up(10, 2), by_std(10, temperature));
    check(std::isfinite(cold.value) && std::isfinite(top_of(cold.gradient)), "nor does a tiny temperature by std");
  }
  check(std::isfinite(gld::tempered(-1.0f, 1.0f, 1e300)), "a tiny temperature makes no infinity");
  gld::StdNormalization<float> tiny(1e-45f, -1e-45f);
  tiny.set_mean(0, 2);
  check(std::isfinite(tiny.set_deviation(1e-40, 1)), "1/sigma of subnormal logits is finite");
  check(std::isnan(gld::kl_value({0, std::nan(""), 1}, {0, 1, 1}, 0)), "a NaN passes the clamp");
  check(gld::poison_of(3.0f) == 0 && std::isnan(gld::poison_of(HUGE_VAL)), "an infinity is a poison");
}

// --- cross_entropy

void cross_entropy() {
  const Row target{0.2, 0.5, 0.1, 0.2};
  const Row logits = made_up(4, 3);
  const auto row_of = [&](const Row& z, Row& exponential, double& target_dot) {
    const double top = top_of(z);
    target_dot = 0;
    for (std::size_t k = 0; k < z.size(); ++k) {
      exponential[k] = std::exp(z[k] - top);
      target_dot += target[k] * (z[k] - top);
    }
    return gld::CrossEntropyRow{sum_of(exponential), sum_of(target)};
  };
  Row exponential(4);
  double target_dot = 0;
  const gld::CrossEntropyRow row = row_of(logits, exponential, target_dot);
  double expected = 0;
  for (std::size_t k = 0; k < 4; ++k) expected -= target[k] * std::log(exponential[k] / row.total);
  near(row.value(target_dot), expected, 1e-14, "cross-entropy is -sum of target * log p");
  const double share = row.share();
  for (std::size_t k = 0; k < 4; ++k) {
    near(gld::cross_entropy_gradient(2.0, share, exponential[k], target[k]),
         2 * derivative(logits, k,
                        [&](const Row& z) {
                          Row of(4);
                          double dot = 0;
                          const gld::CrossEntropyRow moved = row_of(z, of, dot);
                          return moved.value(dot);
                        }),
         1e-9, "the gradient of cross-entropy is that of its value");
  }
  const gld::Targets targets{{}, {}, 4, 0.1, false};
  Row smoothed = target;
  for (double& share : smoothed) share = targets.smoothed(3 * share, 3 * sum_of(target));
  near(sum_of(smoothed), 3, 1e-15, "smoothing keeps the mass of a target");
  for (std::size_t k = 0; k < 4; ++k) near(smoothed[k], 2.7 * target[k] + 0.075, 1e-15, "and takes its share of it");
}

// --- relation

void relation() {
  // Rows of both sides, centred; the distances written out against the moments.
  const std::size_t m = 7, classes = 5;
  std::vector<Row> x, y;
  for (std::size_t r = 0; r < m; ++r) {
    x.push_back(made_up(static_cast<int>(classes), static_cast<int>(r)));
    y.push_back(made_up(static_cast<int>(classes), static_cast<int>(r) + 20));
  }
  for (auto* side : {&x, &y}) {
    for (std::size_t k = 0; k < classes; ++k) {
      double mean = 0;
      for (const Row& row : *side) mean += row[k] / m;
      for (Row& row : *side) row[k] -= mean;
    }
  }
  const auto distance = [&](const std::vector<Row>& rows, std::size_t r, std::size_t c) {
    return gld::squared_distance(dot_of(rows[r], rows[r]), dot_of(rows[c], rows[c]), dot_of(rows[r], rows[c]));
  };
  gld::PlainSums sum{};
  for (std::size_t c = 0; c < m; ++c) {
    const double t = dot_of(x[c], x[c]), s = dot_of(y[c], y[c]);
    sum = {sum.t + t, sum.s + s, sum.tt + t * t, sum.ts + t * s, sum.ss + s * s};
  }
  std::vector<gld::RelationRow> rows;
  for (std::size_t r = 0; r < m; ++r) {
    double tt = 0, ss = 0, ts = 0;
    gld::RowMoments moments{};
    for (std::size_t c = 0; c < m; ++c) {
      const double dt = distance(x, r, c), ds = distance(y, r, c);
      tt += dt * dt;
      ss += ds * ds;
      ts += dt * ds;
      const double xc = dot_of(x[r], x[c]), yc = dot_of(y[r], y[c]);
      const double t = dot_of(x[c], x[c]), s = dot_of(y[c], y[c]);
      moments = {moments.x_xt + xc * t, moments.x_xs + xc * s, moments.y_yt + yc * t, moments.y_ys + yc * s,
                 moments.xx + xc * xc,  moments.xy + xc * yc,  moments.yy + yc * yc};
    }
    const double t = dot_of(x[r], x[r]), s = dot_of(y[r], y[r]);
    const gld::RelationRow pair = gld::relation_row(tt, ss, ts);
    const gld::RelationRow moment = gld::relation_row_of_moments(static_cast<double>(m), t, s, sum, moments);
    near(moment.value, pair.value, 1e-12, "moments and pairs agree on a row's value");
    near(moment.teacher_slope, pair.teacher_slope, 1e-12, "on its teacher slope");
    near(moment.student_slope, pair.student_slope, 1e-12, "and on its student slope");
    near(pair.value, 2 * (1 - ts / std::sqrt(tt * ss)), 1e-14, "the value is 2 (1 - cos)");
    rows.push_back(moment);
  }
  // The gradient of both methods, row by row.
  gld::WeightedSums weighted{};
  for (std::size_t c = 0; c < m; ++c) {
    const double a = rows[c].teacher_slope, b = rows[c].student_slope;
    weighted.at_bs += a * dot_of(x[c], x[c]) + b * dot_of(y[c], y[c]);
    weighted.a += a;
    weighted.b += b;
  }
  for (std::size_t r = 0; r < m; ++r) {
    const double a = rows[r].teacher_slope, b = rows[r].student_slope;
    const double t = dot_of(x[r], x[r]), s = dot_of(y[r], y[r]);
    double x_xa = 0, y_yb = 0, pulled_sum = 0;
    Row pulled(classes), yt(classes), ys(classes), through_x(classes), through_y(classes), both(classes), ya(classes),
        yb(classes), through(classes);
    for (std::size_t c = 0; c < m; ++c) {
      const double ac = rows[c].teacher_slope, bc = rows[c].student_slope;
      const double tc = dot_of(x[c], x[c]), sc = dot_of(y[c], y[c]);
      const double xc = dot_of(x[r], x[c]), yc = dot_of(y[r], y[c]);
      x_xa += xc * ac;
      y_yb += yc * bc;
      const double weight = gld::pair_weight(a, ac, distance(x, r, c), b, bc, distance(y, r, c));
      pulled_sum += weight;
      for (std::size_t k = 0; k < classes; ++k) {
        pulled[k] += weight * y[c][k];
        yt[k] += tc * y[c][k];
        ys[k] += sc * y[c][k];
        through_x[k] += xc * y[c][k];
        through_y[k] += yc * y[c][k];
        both[k] += (ac * tc + bc * sc) * y[c][k];
        ya[k] += ac * y[c][k];
        yb[k] += bc * y[c][k];
        through[k] += (ac * xc + bc * yc) * y[c][k];
      }
    }
    const double own = gld::own_slopes_sum(static_cast<double>(m), t, s, a, b, sum);
    const double theirs = gld::their_slopes_sum(t, s, weighted, x_xa, y_yb);
    for (std::size_t k = 0; k < classes; ++k) {
      const double by_pairs = gld::relation_gradient(0.5, pulled_sum, y[r][k], pulled[k]);
      const double by_moments =
          gld::relation_gradient(0.5, own, y[r][k],
                                 gld::own_slopes_others(a, b, yt[k], ys[k], through_x[k], through_y[k])) +
          gld::relation_gradient(0.5, theirs, y[r][k],
                                 gld::their_slopes_others(t, s, both[k], ya[k], yb[k], through[k]));
      near(by_moments, by_pairs, 1e-11, "moments and pairs agree on the gradient");
    }
  }
  check(gld::relation_row(0, 0, 0).value == 0, "two zero rows agree");
  check(gld::relation_row(0, 4, 0).value == 1 && gld::relation_row(0, 4, 0).student_slope == 0,
        "a zero row stays zero");
  check(gld::relation_row(1, 1, 1 + 1e-15).value == 0, "rounding takes no value below zero");
  check(std::isnan(gld::relation_row(std::nan(""), 1, 1).value), "a NaN passes");
  check(gld::squared_distance(1.0f, 1.0f, 1.0000001f) == 0, "nor a distance");
  check(gld::close_rows(0.01f, 1.0f, 1.0f) && !gld::close_rows(0.03f, 1.0f, 1.0f),
        "close rows are told by their share");
  check(gld::euclidean_weight(5.0, 0.0) == 0 && gld::euclidean_weight(5.0, 2.0) == 1.25, "a root has no slope at zero");
}

#ifdef __CUDACC__
// Compiled, not run: device code may call all of it.
__global__ void every_formula(float* x, double* y, gld::PlainSums plain, gld::RowMoments moments,
                              gld::WeightedSums sums, gld::Targets targets) {
  gld::StdNormalization<float> to(x[0], x[1]);
  to.set_mean(y[0], y[1]);
  y[0] = to.set_deviation(y[2], y[3]);
  x[0] = gld::constant_row(x[0], x[1]) ? to(x[2]) : gld::tempered(x[2], x[1], y[0]);
  y[1] = gld::kl_value({y[0], y[1], y[2]}, {y[3], y[4], y[5]}, y[6]) *
         gld::Normalization{true, 1, y[7], true}.factor({y[0], y[1], y[2]}, {y[3], y[4], y[5]});
  x[1] = gld::NormalizedGradient{y[0], y[1], y[2]}(gld::kl_slope(x[0], y[0], x[1], y[1]), x[2]) + gld::poison_of(x[3]);
  const gld::CrossEntropyRow row{y[0], y[1]};
  x[2] = gld::cross_entropy_gradient(row.value(y[2]), row.share(), x[0], targets.smoothed(x[1], y[1]));
  const std::int32_t label = targets.label(0);
  if (!targets.are_soft() && targets.is_class(label)) x[2] += gld::Targets::of_label<float>(label, 1);
  y[2] = gld::relation_row_of_moments(y[0], y[1], y[2], plain, moments).value;
  y[3] = gld::own_slopes_sum(y[0], y[1], y[2], y[3], y[4], plain) + gld::their_slopes_sum(y[0], y[1], sums, y[2], y[3]);
  y[4] = gld::own_slopes_others(y[0], y[1], y[2], y[3], x[0], x[1]) +
         gld::their_slopes_others(y[0], y[1], y[2], y[3], y[4], x[0]);
  x[3] = gld::relation_gradient(y[0], y[1], x[0], y[2]);
  x[4] = gld::squared_distance(x[0], x[1], x[2]);
  x[5] = gld::close_rows(x[0], x[1], x[2]) ? gld::euclidean_weight(x[0], x[1])
                                           : gld::pair_weight(x[0], x[1], x[2], x[3], x[4], x[5]);
}
#endif

}  // namespace

int main() {
  normalized_kd();
  cross_entropy();
  relation();
  std::printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
