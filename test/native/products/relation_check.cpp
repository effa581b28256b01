#include <algorithm>

#include "../yardstick.h"
#include "cuda/relation.h"
#include "support.h"

namespace check {
namespace {

struct Reference {
  double loss;
  Values gradient;
};

Values distances(const Values& rows, bool euclidean) {
  Values to(rows.rows, rows.rows);
  for (Index r = 0; r < rows.rows; ++r) {
    for (Index c = 0; c < rows.rows; ++c) {
      double square = 0;
      for (Index k = 0; k < rows.columns; ++k)
        square += (rows.at(r, k) - rows.at(c, k)) * (rows.at(r, k) - rows.at(c, k));
      to.at(r, c) = euclidean ? std::sqrt(square) : square;
    }
  }
  return to;
}

// docs/mathematics.md as it stands, times m² (the sum over all rows).
Reference reference(const Values& teacher, const Values& student, bool euclidean) {
  const Index m = teacher.rows;
  const Values dt = distances(teacher, euclidean);
  const Values ds = distances(student, euclidean);
  std::vector<double> a(static_cast<std::size_t>(m)), b(a);
  double loss = 0;
  for (Index r = 0; r < m; ++r) {
    double tt = 0, ss = 0, largest_t = 0, largest_s = 0, norm_t = 0, norm_s = 0;
    for (Index c = 0; c < m; ++c) {
      largest_t = std::fmax(largest_t, dt.at(r, c));
      largest_s = std::fmax(largest_s, ds.at(r, c));
    }
    for (Index c = 0; c < m; ++c) {
      norm_t += largest_t == 0 ? 0 : dt.at(r, c) / largest_t * (dt.at(r, c) / largest_t);
      norm_s += largest_s == 0 ? 0 : ds.at(r, c) / largest_s * (ds.at(r, c) / largest_s);
    }
    tt = largest_t * std::sqrt(norm_t);
    ss = largest_s * std::sqrt(norm_s);
    double value = 0, cosine = 0;
    for (Index c = 0; c < m; ++c) {
      const double u = tt == 0 ? 0 : dt.at(r, c) / tt;
      const double v = ss == 0 ? 0 : ds.at(r, c) / ss;
      value += (u - v) * (u - v);
      cosine += u * v;
    }
    loss += value;
    if (tt == 0 || ss == 0) continue;
    a[static_cast<std::size_t>(r)] = -2 / tt / ss;
    b[static_cast<std::size_t>(r)] = 2 * cosine / ss / ss;
  }
  Values gradient(m, student.columns);
  for (Index r = 0; r < m; ++r) {
    for (Index c = 0; c < m; ++c) {
      const auto at = [](const std::vector<double>& of, Index i) { return of[static_cast<std::size_t>(i)]; };
      double weight = (at(a, r) + at(a, c)) * dt.at(r, c) + (at(b, r) + at(b, c)) * ds.at(r, c);
      if (euclidean) weight = ds.at(r, c) == 0 ? 0 : weight / (2 * ds.at(r, c));
      for (Index k = 0; k < student.columns; ++k)
        gradient.at(r, k) += 2 * weight * (student.at(r, k) - student.at(c, k));
    }
  }
  return {loss, gradient};
}

enum class Way { kKept, kPanels, kMoments, kChunks };
const char* const kWays[] = {"pairwise", "pairwise in panels", "moments", "moments in chunks"};
const char* const kPrecisions[] = {"float32", "tf32", "bf16"};

struct Result {
  double loss;
  Values gradient;
};

Result run(Stage& stage, const Values& teacher, const Values& student, Way way, bool euclidean, double factor,
           double weight, bool gradients) {
  const Index m = teacher.rows;
  const Index classes = teacher.columns;
  const OnTheDevice t(teacher, stage.stream());
  const OnTheDevice s(student, stage.stream());
  const OnTheDevice grad(Values(m, classes), stage.stream());
  const OnTheDevice loss(1, 4);
  const Matrix to = gradients ? grad.matrix() : Matrix{};
  auto* const out = reinterpret_cast<double*>(loss.matrix().data);
  if (way == Way::kKept || way == Way::kPanels) {
    const auto [centred, relation] = stage.plan([&](Arena& arena) {
      Centred rows(m, classes, t.matrix(), s.matrix(), arena);
      RelationPairwise pairs(m, classes, euclidean, gradients, way == Way::kKept, arena);
      return std::make_pair(rows, pairs);
    });
    centred.fit(stage.launch());
    relation.run(stage.launch(), centred, factor, weight, to, out);
  } else {
    const auto [centred, relation] = stage.plan([&](Arena& arena) {
      Centred rows(m, classes, t.matrix(), s.matrix(), arena);
      RelationMoments moments(m, classes, gradients, way == Way::kMoments ? m : std::max<Index>(1, m / 3 + 1), arena);
      return std::make_pair(rows, moments);
    });
    centred.fit(stage.launch());
    relation.run(stage.launch(), centred, factor, weight, to, out);
  }
  double value = 0;
  copy_to_host(stage.stream(), &value, out, sizeof value);
  GLD_CUDA_CHECK(cudaStreamSynchronize(stage.stream()));
  return {value, grad.read(stage.stream())};
}

// Error of the gradient in roundings of the precision, each of the size of the element's terms. What a bound of its own
// size would have to let pass varies by 10⁴: of rows that are nearly equal on both sides, or lie in clusters, nearly
// all of it cancels, and the CPU engine in float32 is off by as much.
double roundings(const Stage& stage, const Values& got, const Values& want, const Values& teacher,
                 const Values& student, bool euclidean, Way way, double weight) {
  using yardstick::Numbers;
  Numbers sizes(want.data.size());
  yardstick::add_relation({teacher.data, Numbers(teacher.data.size())}, {student.data, Numbers(student.data.size())},
                          static_cast<std::size_t>(teacher.rows), euclidean,
                          way == Way::kMoments || way == Way::kChunks, weight, sizes);
  double worst = 0;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    const double difference = std::fabs(got.data[i] - want.data[i]);
    const double error =
        difference == 0 ? 0 : difference / (sizes[i] * unit(stage.launch().precision, stage.tensor_cores()));
    if (!(error <= worst)) worst = error;
  }
  return worst;
}

constexpr double kRoundings = 0.25;  // most of those of m² pairs cancel

// The loss is compared relative to its own size if `relative_loss`, else to 2 / m · m = 2 per row.
void check(Stage& stage, const std::string& name, const Values& teacher, const Values& student, bool euclidean,
           double loss_bound, bool relative_loss = true, bool moments = true) {
  const Reference expected = reference(teacher, student, euclidean);
  const auto m = static_cast<double>(teacher.rows);
  const double factor = 1 / m / m;
  for (const Way way : {Way::kKept, Way::kPanels, Way::kMoments, Way::kChunks}) {
    if ((euclidean || !moments) && (way == Way::kMoments || way == Way::kChunks)) continue;
    for (const bool gradients : {true, false}) {
      const Result result = run(stage, teacher, student, way, euclidean, factor, 500, gradients);
      const std::string what = std::string("relation ") + kWays[static_cast<int>(way)] + " " +
                               kPrecisions[stage.launch().precision] + (euclidean ? " euclidean " : " ") + name + " " +
                               std::to_string(teacher.rows) + "x" + std::to_string(teacher.columns);
      const double size = relative_loss ? expected.loss : 2 * m;
      const double error = std::fabs(result.loss / factor - expected.loss);
      expect(what + " loss", error == 0 ? 0 : error / size, loss_bound);
      if (!gradients) continue;
      Values gradient = expected.gradient;
      for (double& value : gradient.data) value *= 500 * factor;
      const double error_of_gradient =
          roundings(stage, result.gradient, gradient, teacher, student, euclidean, way, 500 * factor);
      expect(what + " gradient", error_of_gradient, kRoundings);
    }
  }
}

// Same input, same bits: whatever the order of threads and blocks.
void check_repeated(Stage& stage) {
  const Values teacher = normal(70, 33);
  const Values student = normal(70, 33);
  for (const Way way : {Way::kKept, Way::kPanels, Way::kMoments, Way::kChunks}) {
    const Result one = run(stage, teacher, student, way, false, 1, 1, true);
    const Result two = run(stage, teacher, student, way, false, 1, 1, true);
    expect(std::string("bits again, ") + kWays[static_cast<int>(way)],
           one.loss == two.loss && one.gradient.data == two.gradient.data ? 0 : 1, 0);
  }
}

// The stage as the engine calls it: options of a call, and a gradient that is added to.
void check_stage(Stage& stage) {
  const Index m = 30, classes = 12;
  const Values teacher = normal(m, classes);
  const Values student = normal(m, classes);
  const Values before = normal(m, classes, 1e-3);
  const OnTheDevice t(teacher, stage.stream());
  const OnTheDevice s(student, stage.stream());
  const OnTheDevice loss(1, 4);
  float output = 0;
  for (const std::int32_t method : {GLD_METHOD_AUTO, GLD_METHOD_PAIRWISE, GLD_METHOD_MOMENTS}) {
    for (const std::int32_t metric : {GLD_METRIC_SQEUCLIDEAN, GLD_METRIC_EUCLIDEAN}) {
      if (metric == GLD_METRIC_EUCLIDEAN && method == GLD_METHOD_MOMENTS) continue;
      const Reference expected = reference(teacher, student, metric == GLD_METRIC_EUCLIDEAN);
      for (const double rows : {0.0, 1.0, 7.5}) {
        gld_call call{};
        call.classes = classes;
        call.method = method;
        call.metric = metric;
        call.relation_rows = rows;
        call.out_logits.data = &output;
        const OnTheDevice grad(before, stage.stream());
        const Relation relation =
            stage.plan([&](Arena& arena) { return Relation(call, m, t.matrix(), s.matrix(), arena); });
        relation.fit(stage.launch());
        relation.run(stage.launch(), 3, grad.matrix(), reinterpret_cast<double*>(loss.matrix().data));
        double value = 0;
        copy_to_host(stage.stream(), &value, loss.matrix().data, sizeof value);
        GLD_CUDA_CHECK(cudaStreamSynchronize(stage.stream()));
        const double factor = 1.0 / m / (rows == 0 ? m : rows);
        Values gradient = before;
        for (std::size_t i = 0; i < gradient.data.size(); ++i)
          gradient.data[i] += 3 * factor * expected.gradient.data[i];
        const std::string what = "relation of a call: method " + std::to_string(method) + " metric " +
                                 std::to_string(metric) + " rows " + std::to_string(rows);
        expect(what + " loss", std::fabs(value / factor / expected.loss - 1), 2e-6);
        expect(what + " gradient", relative_norm(grad.read(stage.stream()), gradient), 1e-5);
        const bool right = method == GLD_METHOD_AUTO || relation.method() == method;
        expect(what + " says its method", right ? 0 : 1, 0);
      }
    }
  }
}

Values student_of(const Values& teacher, double noise) {
  Values student = normal(teacher.rows, teacher.columns, noise);
  for (std::size_t i = 0; i < student.data.size(); ++i) {
    student.data[i] = static_cast<double>(static_cast<float>(student.data[i] + teacher.data[i]));
  }
  return student;
}

Values shifted(Values values, double offset) {
  for (double& value : values.data) value = static_cast<double>(static_cast<float>(value + offset));
  return values;
}

Values scaled(Values values, double factor) {
  for (double& value : values.data) value = static_cast<double>(static_cast<float>(value * factor));
  return values;
}

void sizes(Stage& stage, double loss_bound, const std::vector<std::pair<Index, Index>>& of) {
  for (const auto& [m, classes] : of) {
    const Values teacher = normal(m, classes, 2);
    const Values student = normal(m, classes, 2);
    check(stage, "of normal rows", teacher, student, false, loss_bound);
    if (stage.launch().precision == GLD_PRECISION_FLOAT32) {
      // Roots of nearly equal distances: the loss is a smaller difference.
      check(stage, "of normal rows", teacher, student, true, 2e-6);
    }
  }
}

}  // namespace

void relation_checks() {
  {
    Stage stage;
    sizes(stage, 1e-6, {{5, 10}, {31, 2}, {33, 65}, {65, 31}, {127, 17}, {130, 100}});
    // Many classes: distances are nearly equal, and products are made apart.
    const Values wide = normal(70, 300, 3);
    check(stage, "of a student", wide, student_of(wide, 1), false, 1e-6);
    check(stage, "of a student", wide, student_of(wide, 1), true, 1e-6);
    check(stage, "of one class", normal(7, 1), normal(7, 1), false, 1e-6, false);
    // A single row has no distances but to itself.
    check(stage, "of one row", normal(1, 10), normal(1, 10), false, 0, false);
    check(stage, "of one row", normal(1, 10), normal(1, 10), true, 0, false);
    // Of two rows either side's distances are the same up to a factor: there is no loss, and no slope.
    for (const bool euclidean : {false, true}) {
      const Way way = euclidean ? Way::kPanels : Way::kMoments;
      const Result two = run(stage, normal(2, 10), normal(2, 10), way, euclidean, 1, 1, true);
      expect("loss of two rows", two.loss, 1e-6);
      for (const double value : two.gradient.data) expect("gradient of two rows", std::fabs(value), 1e-6);
    }

    check_repeated(stage);
    check_stage(stage);

    const Values teacher = normal(66, 40, 3);
    for (const bool euclidean : {false, true}) {
      check(stage, "of a near student", teacher, student_of(teacher, 1e-2), euclidean, 1e-6, false);
      const Values far = shifted(student_of(teacher, 0.3), 1000);
      check(stage, "with an offset of 1000", shifted(teacher, 1000), far, euclidean, 1e-6, false);
      check(stage, "at 1e30", scaled(teacher, 1e30), scaled(student_of(teacher, 0.5), 1e-30), euclidean, 1e-6, false);
      Values twins = student_of(teacher, 0.5);
      for (Index k = 0; k < twins.columns; ++k) {
        twins.at(5, k) = twins.at(40, k);
        twins.at(6, k) = twins.at(7, k) = twins.at(8, k);
      }
      check(stage, "with equal rows", teacher, twins, euclidean, 1e-6, false);
      check(stage, "of equal rows", teacher, shifted(Values(66, 40), 3), euclidean, 0, false);
      Values clusters = normal(66, 40, 1e-3);
      for (Index r = 0; r < clusters.rows; ++r) {
        for (Index k = 0; k < clusters.columns; ++k) {
          clusters.at(r, k) = static_cast<double>(static_cast<float>(clusters.at(r, k) + (r % 3 == k % 3 ? 4 : 0)));
        }
      }
      check(stage, "of clusters", clusters, student_of(clusters, 1e-3), euclidean, 1e-6, false);
    }
    Values broken = teacher;
    broken.at(3, 4) = std::nan("");
    const double loss = run(stage, teacher, broken, Way::kKept, false, 1, 1, true).loss;
    expect("a NaN reaches the loss", std::isnan(loss) ? 0 : 1, 0);
    const double by_moments = run(stage, teacher, broken, Way::kMoments, false, 1, 1, true).loss;
    expect("a NaN reaches the loss by moments", std::isnan(by_moments) ? 0 : 1, 0);
  }
  {
    Stage stage(GLD_PRECISION_TF32);
    sizes(stage, 3e-3, {{5, 10}, {66, 35}, {70, 130}});
  }
  {
    Stage stage(GLD_PRECISION_BF16);
    sizes(stage, 3e-2, {{5, 10}, {66, 35}, {70, 130}});
  }
}

}  // namespace check
