// The one thread pool of the process, and the executor that lends it to an engine for one call.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "../engine.h"

namespace gld {

constexpr int kMaxThreads = 1024;

// Of the pool, which belongs to the whole process.
namespace thread_pool {
void configure(int threads);  // creates it on first use; later sizes are ignored
int threads();
void schedule(std::function<void()> job);
}  // namespace thread_pool

// Runs tasks on the calling thread and up to threads - 1 of the pool's. The caller works through all tasks itself if
// the pool is busy, so calls can be nested and concurrent without ever waiting for each other.
class Executor {
 public:
  Executor(int threads, const std::atomic<bool>& stop);
  const gld_executor& lent() const { return lent_; }

 private:
  static void parallel(void* self, std::int64_t tasks, gld_task run, void* closure);
  static std::int32_t stopped(void* self);

  gld_executor lent_;
  const std::atomic<bool>& stop_;
};

}  // namespace gld
