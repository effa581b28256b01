// Calls that run on the host: on the JavaScript thread, or as a job on the pool, with the pool's threads to help.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>

#include "call.h"
#include "job.h"
#include "workspace.h"

namespace gld {

// A call with the memory that its engine works in: the Workspace's, or its own.
class HostCall {
 public:
  // Throws if the engine refuses the call or there is not enough memory.
  HostCall(Napi::Env env, const gld_engine* engine, DecodedCall&& decoded, Workspace* workspace);

  gld_status run(const std::atomic<bool>* stop, gld_result* result, char* message) const;
  void end(Napi::Env env);

 private:
  const gld_engine* engine_;
  DecodedCall decoded_;
  Workspace* workspace_ = nullptr;
  Memory own_;
  void* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

class HostJob : public Job {
 public:
  HostJob(std::shared_ptr<Jobs> jobs, HostCall call) : Job(std::move(jobs)), call_(std::move(call)) {}

 private:
  std::int32_t device() const override { return kHost; }
  gld_status start(char* message) override;
  gld_status finish(gld_result* result, char* message) override;
  void stop() override { stop_.store(true, std::memory_order_relaxed); }
  void let_go(Napi::Env env) override;

  HostCall call_;
  std::atomic<bool> stop_{false};
  gld_status status_ = GLD_OK;
  gld_result result_{};
  char message_[GLD_MESSAGE_BYTES] = {};
};

}  // namespace gld
