// Compares a device engine with a CPU engine that computes the same calls in float64: random calls of every stage, with
// any layout, strides, element types and memory, each submitted three times to one stream (queued, captured, replayed),
// whose results must be equal bit for bit.
//
//   compare <device engine .so> <CPU engine .so> [stage or 'all'] [calls] [seed]
//
// Prints one line per stage with the largest errors; exit code 1 if one is too large or a call fails.
#include "sizes.h"

namespace random_calls {
namespace {

// roundings: allowed error of an output in those of float32, each of the size of the element's terms: some times what
// has been seen. Of many terms most roundings cancel, as of the relation's m² pairs.
struct Stage {
  const char* name;
  double roundings;
};
constexpr Stage kStages[] = {{"pool", 8},          {"classifier", 16}, {"cross_entropy", 4},
                             {"normalized_kd", 6}, {"relation", 1},    {"gld", 6}};

struct Errors {
  double loss = 0, output = 0;
  std::int64_t calls = 0, bad = 0;
};

void compare(Case& c, gld_stream* stream, Errors& errors, std::int64_t number) {
  gld_call call = c.call;
  for (auto& entry : c.entries) entry.slot.of(call) = (entry.output ? entry.reference : entry.tensor)->view(false);
  const gld_result expected = run_on_cpu(call, c.stage);
  for (auto& entry : c.entries) entry.slot.of(call) = entry.tensor->view(true);
  std::vector<std::vector<char>> first;
  gld_result result{};
  for (int repetition = 0; repetition < 3; ++repetition) {
    const std::string which = ", call " + std::to_string(number);
    if (device->submit(stream, &call, c.stage, nullptr, nullptr, nullptr, message) != GLD_OK) die("submit" + which);
    gld_result again{};
    if (device->finish(stream, &again, message) != GLD_OK) die("finish" + which);
    if (repetition > 0 && std::memcmp(&again, &result, sizeof result) != 0) {
      std::printf("call %lld: another loss on repetition %d\n", static_cast<long long>(number), repetition);
      ++errors.bad;
    }
    result = again;
    std::size_t output = 0;
    for (auto& entry : c.entries) {
      if (!entry.output) continue;
      entry.tensor->from_device();
      if (repetition == 0) first.push_back(entry.tensor->host);
      if (first[output++] != entry.tensor->host) {
        std::printf("call %lld: another %s on repetition %d\n", static_cast<long long>(number), entry.name, repetition);
        ++errors.bad;
      }
    }
  }
  ++errors.calls;
  const auto near = [&](double got, double want, const char* name) {
    const double error = std::abs(got - want) / std::max(std::abs(want), 1e-2);
    errors.loss = std::max(errors.loss, error);
    if (error <= 5e-6) return;
    std::printf("call %lld: %s %.9g, not %.9g\n", static_cast<long long>(number), name, got, want);
    ++errors.bad;
  };
  near(result.loss, expected.loss, "loss");
  near(result.task, expected.task, "task");
  near(result.global, expected.global, "global");
  near(result.local, expected.local, "local");
  near(result.relation, expected.relation, "relation");
  const Sizes sizes(c, call, result.method);
  for (auto& entry : c.entries) {
    if (!entry.output) continue;
    const Numbers got = entry.tensor->values();
    const Numbers want = entry.reference->values();
    const Numbers& size = sizes.of(entry.slot);
    if (size.size() != got.size()) die("no sizes");
    // What an output of 16 bits adds: half a unit in the last place, and of subnormal float16. Subnormal float32 may be
    // 0.
    const std::int32_t dtype = entry.tensor->dtype;
    const double coarse = dtype == GLD_F16 ? 0x1p-11 : dtype == GLD_BF16 ? 0x1p-8 : 0;
    const double finest = dtype == GLD_F16 ? 0x1p-25 : 0x1p-126;
    double worst = 0;
    std::size_t at = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
      const double rest = std::abs(got[i] - want[i]) - coarse * std::abs(want[i]) - finest;
      const double error = rest <= 0 ? 0 : rest / (size[i] * 0x1p-24);
      if (std::isnan(worst) || error <= worst) continue;
      worst = error;
      at = i;
    }
    errors.output = worst <= errors.output ? errors.output : worst;
    if (worst <= kStages[c.stage].roundings) continue;
    std::printf("call %lld: %s[%zu] (dtype %d) is %.9g, not %.9g: %.3g roundings of its terms, %.3g\n",
                static_cast<long long>(number), entry.name, at, dtype, got[at], want[at], worst, size[at]);
    const gld_call& k = c.call;
    const auto print = [](const char* what, std::int64_t value) {
      std::printf("  %s %lld", what, static_cast<long long>(value));
    };
    print("n", k.n), print("classes", k.classes), print("grid", k.grid[0][1]), print("x", k.grid[0][2]);
    print("map", k.student.channels), print("x", k.student.height), print("x", k.student.width);
    print("normalization", k.normalization), print("unbiased", k.unbiased), print("compensated", k.compensated),
        print("metric", k.metric);
    print("method", k.method);
    std::printf("\n");
    ++errors.bad;
  }
}

}  // namespace
}  // namespace random_calls

using namespace random_calls;

int main(int count, char** arguments) {
  if (count < 3) return std::printf("compare <device engine> <CPU engine> [stage] [calls] [seed]\n"), 1;
  device = engines::load(arguments[1]);
  cpu = engines::load(arguments[2]);
  const std::string wanted = count > 3 ? arguments[3] : "all";
  const std::int64_t calls = count > 4 ? std::atoll(arguments[4]) : 50;
  const auto seed = static_cast<std::uint64_t>(count > 5 ? std::atoll(arguments[5]) : 1);
  std::int32_t devices = 0;
  if (device->count(&devices, message) != GLD_OK) die("no device");
  std::int64_t bad = 0;
  for (int stage = 0; stage < gld_stage_count; ++stage) {
    if (wanted != "all" && wanted != kStages[stage].name) continue;
    gld_stream* stream = nullptr;
    if (device->open(0, &stream, message) != GLD_OK) die("open");
    Errors errors;
    for (std::int64_t i = 0; i < calls; ++i) {
      engine_random.seed(seed * 1000003 + static_cast<std::uint64_t>(i) * 101 + static_cast<std::uint64_t>(stage));
      Case c = random_case(static_cast<gld_stage>(stage));
      compare(c, stream, errors, i);
    }
    device->close(stream);
    std::printf("%-14s %4lld calls: loss %.1e, outputs %.2f roundings of their terms, %lld wrong\n",
                kStages[stage].name, static_cast<long long>(errors.calls), errors.loss, errors.output,
                static_cast<long long>(errors.bad));
    bad += errors.bad;
  }
  return bad == 0 ? 0 : 1;
}
