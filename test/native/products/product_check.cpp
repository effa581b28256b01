#include "cuda/product.h"
#include "support.h"

namespace check {
namespace {

const char* const kNames[] = {"float32", "tf32", "bf16"};

Operand operand(const OnTheDevice& of, Index lines) { return {of.matrix().data, of.matrix().pitch, lines}; }

struct Case {
  Index rows, columns, depth;
  OperandLayout left, right;
  int terms, jobs;
  bool bias, factors;
  Index longest;
};

// Largest error of all jobs, relative to Σ |left| |right| of the element.
double run(Stage& stage, const Case& c, std::int32_t precision) {
  std::vector<std::unique_ptr<OnTheDevice>> kept;
  const auto device = [&](const Values& values) -> const OnTheDevice& {
    kept.push_back(std::make_unique<OnTheDevice>(values, stage.stream()));
    return *kept.back();
  };
  ProductCall call{precision, c.left, c.right, c.terms, c.rows, c.depth, {}};
  std::vector<Values> expected, sizes;
  std::vector<const OnTheDevice*> results;
  for (int i = 0; i < c.jobs; ++i) {
    ProductJob& job = call.jobs[i];
    Values sum(c.rows, c.columns), size(c.rows, c.columns);
    for (int term = 0; term < c.terms; ++term) {
      Values left = normal(c.rows, c.depth);
      const Values right = normal(c.depth, c.columns);
      const bool along_lines_left = c.left == OperandLayout::kAlongLines;
      job.left[term] = operand(device(along_lines_left ? transposed(left) : left), c.rows);
      job.right[term] = operand(device(c.right == OperandLayout::kAlongDepth ? transposed(right) : right), c.columns);
      if (c.factors && term == 0) {
        const Values factors = normal(1, c.depth);
        job.factors = device(factors).matrix().data;
        for (Index r = 0; r < c.rows; ++r) {
          for (Index k = 0; k < c.depth; ++k) left.at(r, k) *= factors.at(0, k);
        }
      }
      const Values one = product(left, right);
      const Values one_size = product(absolute(left), absolute(right));
      for (std::size_t e = 0; e < sum.data.size(); ++e) {
        sum.data[e] += one.data[e];
        size.data[e] += one_size.data[e];
      }
    }
    if (c.bias) {
      const Values bias = normal(1, c.columns);
      job.bias = device(bias).matrix().data;
      for (Index r = 0; r < c.rows; ++r) {
        for (Index k = 0; k < c.columns; ++k) {
          sum.at(r, k) += bias.at(0, k);
          size.at(r, k) += std::fabs(bias.at(0, k));
        }
      }
    }
    kept.push_back(std::make_unique<OnTheDevice>(c.rows, c.columns));
    job.to = kept.back()->matrix();
    results.push_back(kept.back().get());
    expected.push_back(sum);
    sizes.push_back(size);
  }
  const Product of =
      stage.plan([&](Arena& arena) { return Product(c.rows, c.columns, c.depth, c.jobs, arena, false, c.longest); });
  of.run(stage.launch(), call);
  double worst = 0;
  for (int i = 0; i < c.jobs; ++i) {
    const Values result = results[static_cast<std::size_t>(i)]->read(stage.stream());
    for (std::size_t e = 0; e < result.data.size(); ++e) {
      const std::size_t at = static_cast<std::size_t>(i);
      const double error = std::fabs(result.data[e] - expected[at].data[e]) / (sizes[at].data[e] + 1e-30);
      if (!(error <= worst)) worst = error;
    }
  }
  return worst;
}

void check(Stage& stage, const Case& c, const std::vector<std::int32_t>& precisions = {0, 1, 2}) {
  for (const std::int32_t precision : precisions) {
    const double error = run(stage, c, precision);
    const std::string what = std::string("product ") + kNames[precision] + " [" + std::to_string(c.rows) + ", " +
                             std::to_string(c.depth) + "] [" + std::to_string(c.depth) + ", " +
                             std::to_string(c.columns) + "] layouts " + std::to_string(static_cast<int>(c.left)) +
                             std::to_string(static_cast<int>(c.right)) + " terms " + std::to_string(c.terms) +
                             " jobs " + std::to_string(c.jobs);
    expect(what, error, 2.5 * unit(precision, stage.tensor_cores()));
  }
}

}  // namespace

void product_checks() {
  Stage stage;
  const OperandLayout depth = OperandLayout::kAlongDepth;
  const OperandLayout lines = OperandLayout::kAlongLines;
  const OperandLayout layouts[3][2] = {{depth, depth}, {depth, lines}, {lines, lines}};
  const Index sizes[][3] = {{1, 1, 1},    {3, 2, 5},    {31, 33, 17},  {65, 63, 16},
                            {64, 64, 64}, {127, 1, 33}, {5, 130, 100}, {66, 67, 300}};
  for (const auto& size : sizes) {
    for (const auto& layout : layouts) {
      check(stage, {size[0], size[1], size[2], layout[0], layout[1], 1, 1, size[0] % 2 == 0, false, Product::kWhole});
    }
  }
  check(stage, {33, 65, 31, depth, lines, 2, 1, false, false, Product::kWhole});
  check(stage, {33, 31, 47, depth, lines, 1, 3, true, false, Product::kWhole});
  check(stage, {21, 35, 150, lines, lines, 1, 2, false, true, 64});
  check(stage, {3, 9, 1030, depth, depth, 1, 1, true, false, Product::kWhole});
  check(stage, {3, 9, 1030, depth, lines, 2, 1, true, false, Product::kWhole});
  // Large tiles, for 120 of them or more.
  check(stage, {129, 60 * 128 - 3, 18, depth, lines, 1, 1, true, false, Product::kWhole});
  check(stage, {127, 40 * 128 - 1, 7, depth, depth, 1, 3, false, false, Product::kWhole}, {GLD_PRECISION_FLOAT32});
  check(stage, {130, 20 * 128, 19, lines, lines, 1, 3, true, true, 16}, {GLD_PRECISION_FLOAT32});
}

}  // namespace check
