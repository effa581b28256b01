#include "stream.h"

#include <new>

#include "../shared/cross_entropy.h"
#include "../shared/same_call.h"
#include "../shared/terms.h"

namespace gld::cuda {
namespace {

#ifdef GLD_EMULATED
constexpr std::size_t kPoisoned = 64 << 20;  // largest workspace that is poisoned before a call
#endif

int attribute(cudaDeviceAttr which, int device) {
  int value = 0;
  GLD_CUDA_CHECK(cudaDeviceGetAttribute(&value, which, device));
  return value;
}

void check_labels(const gld_call& call) {
  if (call.labels.data == nullptr || call.labels.memory != GLD_HOST) return;
  const Targets targets = Targets::of(call);
  for (std::int64_t i = 0; i < call.n; ++i) targets.class_of(i);
}

}  // namespace

CallStream::CallStream(int device) : device_(device) {
  block_.grow(sizeof(Block));
  pinned_.grow(sizeof(Block));
  new (pinned_.data()) Block{{}, {}, 0, 1};
  const int major = attribute(cudaDevAttrComputeCapabilityMajor, device);
  const int minor = attribute(cudaDevAttrComputeCapabilityMinor, device);
  launch_ = {compute_.get(), &on_device()->stop, attribute(cudaDevAttrMultiProcessorCount, device), 10 * major + minor,
             GLD_PRECISION_FLOAT32};
  note_bytes();
}

CallStream::~CallStream() {
  cudaStreamSynchronize(compute_.get());
  cudaStreamSynchronize(copies_.get());
  cudaStreamSynchronize(cancels_.get());
}

void CallStream::note_bytes() {
  held_.store(block_.bytes() + pinned_.bytes() + workspace_.bytes() + staging_.bytes(), std::memory_order_relaxed);
}

// After an error: nothing of the call goes on, and what it took is given back.
void CallStream::fail() noexcept {
  cudaStreamSynchronize(copies_.get());
  cudaStreamSynchronize(compute_.get());
  cudaGetLastError();
  for (Kept& kept : kept_) kept = Kept{};
  workspace_.release();
  ++workspace_generation_;
  staging_.release();
  note_bytes();
}

CallStream::Kept& CallStream::find(const gld_call& call, gld_stage stage) {
  const std::uint64_t generation = workspace_generation_ + staging_.generation();
  Kept* oldest = kept_.data();
  for (Kept& kept : kept_) {
    if (kept.work && kept.stage == stage && kept.generation == generation && same_call(kept.call, call)) {
      kept.used = ++uses_;
      // Guards between the pieces of the workspace are those of the work planned last.
      if (GLD_GUARDED_ARENA) place(kept);
      return kept;
    }
    if (kept.used < oldest->used) oldest = &kept;
  }

  *oldest = Kept{};
  Arena counting;
  make_work(call, stage, counting, nullptr);
  if (counting.used() > workspace_.bytes()) {
    ++workspace_generation_;
    workspace_.grow(counting.used());
  }
  oldest->call = call;
  oldest->stage = stage;
  oldest->generation = workspace_generation_ + staging_.generation();
  place(*oldest);
  oldest->used = ++uses_;
  return *oldest;
}

// Of the kept call: the work keeps a reference to it.
void CallStream::place(Kept& kept) {
  Arena arena(workspace_.data(), workspace_.bytes());
  kept.work = make_work(kept.call, kept.stage, arena, &on_device()->report);
}

void CallStream::run(Kept& kept) {
  const bool parts = staging_.in_parts();
  const auto begin = [&] {
#if defined(GLD_EMULATED) && !GLD_GUARDED_ARENA
    // What an earlier call left must not pass for what this one forgot to write.
    if (workspace_.bytes() <= kPoisoned) {
      GLD_CUDA_CHECK(cudaMemsetAsync(workspace_.data(), 0xff, workspace_.bytes(), compute_.get()));
    }
#endif
    begin_call(launch_, &on_host()->stop, &on_device()->stop, &on_device()->report);
    kept.work->queue_teacher(launch_);
  };
  const auto rest = [&] {
    if (!parts) begin();
    kept.work->queue(launch_);
    copy_to_host(compute_.get(), &on_host()->report, &on_device()->report, sizeof(Report));
  };
  const bool known = kept.captured;
  kept.captured = true;  // from the second time on
  const auto go = [&](Graph& graph, auto&& queue) {
    if (!known) return queue();
    if (!graph) {
      try {
        graph.capture(compute_.get(), queue);
      } catch (const Error& error) {
        if (error.status() != GLD_FAILED) throw;
        // Another library that waits for the whole device ends a capture. What is really broken shows again here.
        return queue();
      }
    }
    graph.launch(compute_.get());
  };
  clear(compute_.get(), &on_device()->stop, sizeof(std::int32_t));
  if (parts) {
    staging_.upload_teacher(copies_.get(), compute_.get());
    go(kept.teacher, begin);
  }
  if (staging_.has_inputs()) staging_.upload(copies_.get(), compute_.get());
  go(kept.rest, rest);
}

void CallStream::submit(const gld_call& call, gld_stage stage, gld_done done, void* closure) {
  if (busy_) throw Error(GLD_INVALID, "the stream's last call is not finished");
  const OnDevice on(device_);
  check_labels(call);
  // What an earlier cancel() wrote must not reach this call.
  GLD_CUDA_CHECK(cudaStreamSynchronize(cancels_.get()));
  __atomic_store_n(&on_host()->stop, 0, __ATOMIC_RELAXED);
  launch_.precision = call.precision;
  call_ = call;
  stage_ = stage;
  try {
    gld_call local = call;
    staging_.plan(local, stage);
    Kept& kept = find(local, stage);
    method_ = kept.work->method();
    run(kept);
    if (staging_.has_outputs()) staging_.download(compute_.get());
    done_.record(compute_.get());
    note_bytes();
    if (done != nullptr) call_back(compute_.get(), done, closure);
  } catch (...) {
    fail();
    throw;
  }
  busy_ = true;
}

void CallStream::finish(gld_result* result) {
  if (!busy_) throw Error(GLD_INVALID, "no call was submitted to the stream");
  busy_ = false;
  const OnDevice on(device_);
  const bool cancelled = [&] {
    try {
      if (!staging_.has_outputs()) done_.wait();
      const auto stopped = [&] { return __atomic_load_n(&on_host()->stop, __ATOMIC_RELAXED) != 0; };
      if (!stopped()) staging_.deliver();
      done_.wait();
      return stopped();
    } catch (...) {
      fail();
      throw;
    }
  }();
  if (cancelled) throw Cancelled{};
  const Report report = on_host()->report;
  if (report.wrong_sample != kNoSample) throw LabelOutOfRange{report.wrong_sample, report.wrong_label};
  *result = gld_result{0, report.task, report.global, report.local, report.relation, method_};
  result->loss = Terms(call_, stage_).total(*result);
}

void CallStream::cancel() {
  __atomic_store_n(&on_host()->stop, 1, __ATOMIC_RELAXED);
  const OnDevice on(device_);
  copy_to_device(cancels_.get(), &on_device()->stop, &on_host()->one, sizeof(std::int32_t));
}

}  // namespace gld::cuda
