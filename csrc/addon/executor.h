// The one thread pool of the process, and the executor that lends it to an engine for one call.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "../engine.h"

namespace gld {

constexpr int kMaxThreads = 1024;

// Creates the pool on first use; later sizes are ignored, the pool belongs to the whole process.
void configure_pool(int threads);
int pool_threads();
void schedule_job(std::function<void()> job);

// Runs tasks on the calling thread and up to threads - 1 of the pool's. The caller works through all tasks itself if
// the pool is busy, so calls can be nested and concurrent without ever waiting for each other.
class Executor {
 public:
  Executor(int threads, const std::atomic<bool>* stop);
  const gld_executor& lent() const { return lent_; }

 private:
  static void parallel(void* self, std::int64_t tasks, gld_task run, void* closure);
  static std::int32_t stopped(void* self);

  gld_executor lent_;
  const std::atomic<bool>* stop_;  // may be null
};

}  // namespace gld
