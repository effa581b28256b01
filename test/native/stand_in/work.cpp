// In the place of the CUDA engine's kernels: the CPU engine beside it computes a call when its stream comes to it. With
// that engine's host code and the emulated runtime (../simt) it makes a stand-in for the engine, for tests of what lies
// in front of kernels: built in seconds, fast, and slow or faulty on demand. The environment steers it, at any time:
//   GLD_STAND_IN_DELAY  milliseconds that every call takes at least, unless it is cancelled
//   GLD_STAND_IN_FAULT  what a faulty kernel may do, for the tests of the GPU checks: "value" is off, "beyond" writes
//                       past an output, "input" into an input, "random" gives other bits every time, "crash" ends the
//                       process
#include "../../../csrc/cuda/work.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "../../../csrc/cuda/convert.cuh"
#include "../../../csrc/shared/relation_method.h"
#include "../../../csrc/shared/terms.h"
#include "../engines.h"

namespace gld::cuda {
namespace {

const gld_engine& cpu() {
  static const gld_engine* const engine = [] {
    Dl_info info{};
    dladdr(reinterpret_cast<void*>(&cpu), &info);
    const std::string path = info.dli_fname;
    return engines::load((path.substr(0, path.rfind('/') + 1) + GLD_CPU_ENGINE).c_str());
  }();
  return *engine;
}

std::string setting(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

void wait(const std::int32_t* stop) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(std::atoll(setting("GLD_STAND_IN_DELAY").c_str()));
  while (Clock::now() < end && !stopped(stop)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

struct Output {
  gld_view to;
  std::vector<float> floats;
};

void spoil(const gld_call& call, const std::vector<Output>& outputs, Report& report) {
  static std::atomic<int> calls{0};
  const std::string fault = setting("GLD_STAND_IN_FAULT");
  if (fault == "crash") std::abort();
  if (fault == "random") report.relation *= 1 + 1e-9 * ++calls;
  if (fault == "input" && call.student.logits.data != nullptr) {
    *static_cast<unsigned char*>(call.student.logits.data) ^= 1;
  }
  for (const auto& [to, floats] : outputs) {
    if (to.dtype != GLD_F32) continue;
    auto* const end = static_cast<float*>(to.data) + floats.size();
    if (fault == "value") end[-1] += 1;
    // Within the allocation: what lies behind is the heap's.
    const Range range = allocation_of(to.data);
    if (fault == "beyond" && reinterpret_cast<std::uintptr_t>(end + 1) <= range.begin + range.bytes) *end = 1;
  }
}

// The CPU engine writes float32, which is rounded to what the call wants as the kernels do it.
void compute(gld_call call, gld_stage stage, const std::int32_t* stop, Report* report) {
  wait(stop);
  if (stopped(stop)) return;
  call.precision = GLD_PRECISION_FLOAT32;
  std::vector<Output> outputs;
  for_each_view(call, stage, {ViewKind::output}, [&](gld_view& view, const ViewShape& shape) {
    std::size_t count = 1;
    for (const std::int64_t size : shape) count *= static_cast<std::size_t>(size);
    outputs.push_back({view, std::vector<float>(count)});
    view.data = outputs.back().floats.data();
    view.dtype = GLD_F32;
  });
  char message[GLD_MESSAGE_BYTES];
  gld_stream* stream = nullptr;
  gld_result result{};
  if (cpu().open(0, &stream, message) != GLD_OK) std::abort();
  const gld_status status = engines::compute(cpu(), stream, call, stage, message);
  cpu().finish(stream, &result, message);
  cpu().close(stream);
  if (status == GLD_LABEL_RANGE) {
    std::sscanf(message, "label %lld of sample %lld", &report->wrong_label, &report->wrong_sample);
    return;
  }
  if (status != GLD_OK) std::abort();
  *report = {result.task, result.global, result.local, result.relation, kNoSample, 0};
  for (const auto& [to, floats] : outputs) {
    visit(to, [&floats = floats](auto* data) {
      using Element = std::remove_pointer_t<decltype(data)>;
      std::transform(floats.begin(), floats.end(), data, from_float<Element>);
    });
  }
  spoil(call, outputs, *report);
}

class OnCpu : public Work {
 public:
  OnCpu(const gld_call& call, gld_stage stage, Report* report) : call_(call), stage_(stage), report_(report) {
    call_.method = choose_method(call, 0, 1);
  }
  void queue(const Launch& to) override {
    check(simt::enqueue(to.stream, [call = call_, stage = stage_, stop = to.stop,
                                    report = report_] { compute(call, stage, stop, report); }),
          "kernel launch");
  }
  gld_method method() const override {
    return Terms(call_, stage_).relation ? static_cast<gld_method>(call_.method) : GLD_METHOD_AUTO;
  }

 private:
  gld_call call_;
  gld_stage stage_;
  Report* report_;
};

}  // namespace

std::unique_ptr<Work> make_work(const gld_call& call, gld_stage stage, Arena&, Report* report) {
  return std::make_unique<OnCpu>(call, stage, report);
}

}  // namespace gld::cuda
