// Numbered tasks over the caller's executor. Which thread runs a task is left open, so sums are kept per task and
// combined in task order: the same input gives the same bits whatever the number of threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

#include "../engine.h"
#include "../shared/arithmetic.h"
#include "../shared/status.h"

namespace gld {

class Parallel {
 public:
  explicit Parallel(const gld_executor& executor) : executor_(executor) {}

  // For tasks that are long: those that return early are followed by Cancelled when the region ends.
  bool stopped() const { return executor_.stopped(executor_.self) != 0; }

  // run(task, slot) for every task in [0, tasks); slot, below the executor's threads, is not shared by tasks that run
  // at the same time.
  template <class F>
  void operator()(std::int64_t tasks, F&& run) const {
    struct Closure {
      F& run;
      std::atomic<bool> failed{false};
      std::exception_ptr error;
    } closure{run, {}, {}};
    executor_.parallel(
        executor_.self, tasks,
        [](void* self, std::int64_t task, std::int32_t slot) {
          auto& closure = *static_cast<Closure*>(self);
          if (closure.failed.load(std::memory_order_relaxed)) return;
          try {
            closure.run(task, slot);
          } catch (...) {
            // Only the first failure is kept; the executor's own synchronisation publishes it to the caller.
            if (!closure.failed.exchange(true)) closure.error = std::current_exception();
          }
        },
        &closure);
    if (closure.error) std::rethrow_exception(closure.error);
    if (stopped()) throw Cancelled{};
  }

  // Splits [0, count) into blocks of `block`: run(first, size, task, slot).
  template <class F>
  void blocks(std::int64_t count, std::int64_t block, F&& run) const {
    (*this)(ceil_div(count, block), [&](std::int64_t task, std::int32_t slot) {
      const std::int64_t first = task * block;
      run(first, std::min(block, count - first), task, slot);
    });
  }

 private:
  const gld_executor& executor_;
};

}  // namespace gld
