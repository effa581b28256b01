#include "executor.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

#define EIGEN_USE_THREADS
#include <unsupported/Eigen/CXX11/ThreadPool>

namespace gld {
namespace {

// The pool with a queue of our own in front of it. Eigen's queues are bounded and run what does not fit on the calling
// thread, which would be JavaScript's; so it only ever gets as many tasks as it has threads, each of which empties this
// queue. Help for a region that runs already goes before jobs that have not begun.
class Process {
 public:
  void configure(int threads) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (pool_ != nullptr) return;
    threads_ = std::clamp(threads, 1, kMaxThreads);
    pool_ = new Eigen::ThreadPool(threads_);
  }

  int threads() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return threads_;
  }

  void schedule(std::function<void()> work, bool first) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (first) {
        queue_.push_front(std::move(work));
      } else {
        queue_.push_back(std::move(work));
      }
      if (active_ == threads_) return;
      ++active_;
    }
    pool_->Schedule([this] { drain(); });
  }

 private:
  void drain() {
    for (;;) {
      std::function<void()> work;
      {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (queue_.empty()) {
          --active_;
          return;
        }
        work = std::move(queue_.front());
        queue_.pop_front();
      }
      work();
    }
  }

  std::mutex mutex_;
  std::deque<std::function<void()>> queue_;
  Eigen::ThreadPool* pool_ = nullptr;
  int threads_ = 1;
  int active_ = 0;  // threads that empty the queue
};

// Never destroyed: threads of the pool may outlive static destructors at exit.
Process& process() {
  static auto* const instance = new Process;
  return *instance;
}

// One parallel region, shared by the caller and those threads of the pool that come in time.
class Region {
 public:
  Region(std::int64_t tasks, gld_task run, void* closure, const std::atomic<bool>* stop)
      : tasks_(tasks), run_(run), closure_(closure), stop_(stop) {}

  void work(std::int32_t slot) {
    for (;;) {
      if (stop_ != nullptr && stop_->load(std::memory_order_relaxed)) return;
      const std::int64_t task = next_.fetch_add(1, std::memory_order_relaxed);
      if (task >= tasks_) return;
      run_(closure_, task, slot);
    }
  }

  // On a thread of the pool. The caller's stack is gone once it has closed the region: then there is nothing to do.
  void help() {
    std::int32_t slot = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (closed_) return;
      slot = ++helpers_;
      ++active_;
    }
    work(slot);
    const std::lock_guard<std::mutex> lock(mutex_);
    if (--active_ == 0) idle_.notify_all();
  }

  void close() {
    std::unique_lock<std::mutex> lock(mutex_);
    closed_ = true;
    idle_.wait(lock, [this] { return active_ == 0; });
  }

 private:
  const std::int64_t tasks_;
  const gld_task run_;
  void* const closure_;
  const std::atomic<bool>* const stop_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::condition_variable idle_;
  std::int32_t helpers_ = 0;
  std::int32_t active_ = 0;
  bool closed_ = false;
};

}  // namespace

void configure_pool(int threads) { process().configure(threads); }

int pool_threads() { return process().threads(); }

void schedule_job(std::function<void()> job) { process().schedule(std::move(job), false); }

Executor::Executor(int threads, const std::atomic<bool>* stop) : lent_{this, threads, &parallel, &stopped}, stop_(stop) {}

void Executor::parallel(void* self, std::int64_t tasks, gld_task run, void* closure) {
  const auto* executor = static_cast<Executor*>(self);
  const auto region = std::make_shared<Region>(tasks, run, closure, executor->stop_);
  const std::int64_t helpers = std::min<std::int64_t>(executor->lent_.threads, tasks) - 1;
  // Closed on every way out: helpers must not see this frame once it is gone.
  struct Closing {
    Region& region;
    ~Closing() { region.close(); }
  } const closing{*region};
  for (std::int64_t i = 0; i < helpers; ++i) process().schedule([region] { region->help(); }, true);
  region->work(0);
}

std::int32_t Executor::stopped(void* self) {
  const auto* stop = static_cast<Executor*>(self)->stop_;
  return stop != nullptr && stop->load(std::memory_order_relaxed) ? 1 : 0;
}

}  // namespace gld
