#include "thread_pool.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace gld {
namespace {

// How long a thread looks out for what it expects at any moment before it goes to sleep: regions of one call follow
// each other within microseconds, and to be woken takes longer than that.
constexpr std::chrono::microseconds kPatience{50};

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits for the condition, but not for long. Does not yield: the scheduler would hold that against the thread when it
// has work again.
template <class F>
void look_out(F&& met) {
  const auto end = std::chrono::steady_clock::now() + kPatience;
  do {
    for (int i = 0; i < 16; ++i) {
      if (met()) return;
      pause();
    }
  } while (std::chrono::steady_clock::now() < end);
}

// More threads than this have their shares of a region together.
constexpr int kMostShares = 64;

// One parallel region, on the stack of its caller. Threads of the pool find it in the pool's list and enter while there
// are places; the caller leaves when all who entered have left.
//
// Each thread has a share of consecutive tasks, the same in every region and every call, and helps with those of others
// when it is done with that: what a task reads and writes is likely to be in the caches of the core that had it before.
class Region {
 public:
  Region(std::int64_t tasks, int threads, gld_task run, void* closure, const std::atomic<bool>& stop)
      : shares_(std::min(threads, kMostShares)), run_(run), closure_(closure), stop_(stop) {
    for (int i = 0; i < shares_; ++i) {
      share_[i].next.store(tasks * i / shares_, std::memory_order_relaxed);
      share_[i].end = tasks * (i + 1) / shares_;
    }
  }

  // The caller's share is the first.
  void work_as_caller() { work(0, 0); }
  void work_as_helper(int thread, std::int32_t slot) { work(1 + thread % (shares_ - 1), slot); }

 private:
  friend class ThreadPool;

  struct alignas(64) Share {
    std::atomic<std::int64_t> next;
    std::int64_t end;
  };

  void work(int own, std::int32_t slot) {
    for (int i = 0; i < shares_; ++i) {
      Share& share = share_[(own + i) % shares_];
      for (;;) {
        if (stop_.load(std::memory_order_relaxed)) return;
        const std::int64_t task = share.next.fetch_add(1, std::memory_order_relaxed);
        if (task >= share.end) break;
        run_(closure_, task, slot);
      }
    }
  }

  const int shares_;
  const gld_task run_;
  void* const closure_;
  const std::atomic<bool>& stop_;

  // Guarded by the pool's mutex. active_ alone is also read without it, by the caller that looks out for 0.
  Region* older_ = nullptr;
  int places_ = 0;  // left; in the pool's list while there are any
  std::int32_t entered_ = 0;
  bool awaited_ = false;
  std::atomic<int> active_{0};

  Share share_[kMostShares];
};

// The threads of the process, and what is there for them to do: help in regions first, then jobs that have not begun.
class ThreadPool {
 public:
  void configure(int threads) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (threads_ != 0) return;
    const int wanted = std::clamp(threads, 1, kMaxThreads);
    try {
      while (threads_ < wanted) {
        std::thread([this, thread = threads_] { serve(thread); }).detach();
        ++threads_;
      }
    } catch (const std::system_error&) {
      if (threads_ == 0) throw;  // fewer than wanted will do
    }
  }

  int threads() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return std::max(threads_, 1);
  }

  void schedule(std::function<void()> job) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      jobs_.push_back(std::move(job));
      open_.fetch_add(1, std::memory_order_relaxed);
    }
    work_.notify_one();
  }

  // Lets that many threads help, those that come before the region is closed.
  void open(Region& region, int places) {
    int wake = 0;
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      region.places_ = places;
      region.older_ = newest_;
      newest_ = &region;
      const int open = open_.fetch_add(places, std::memory_order_relaxed) + places;
      wake = std::min({places, open - looking_, sleeping_});
    }
    for (; wake > 0; --wake) work_.notify_one();
  }

  // Nobody is in the region or will enter it when this returns.
  void close(Region& region) {
    const auto empty = [&] { return region.active_.load(std::memory_order_acquire) == 0; };
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (region.places_ > 0) unlist(region);
    }
    if (empty()) return;
    look_out(empty);
    if (empty()) return;
    std::unique_lock<std::mutex> lock(mutex_);
    region.awaited_ = true;
    left_.wait(lock, empty);
  }

 private:
  // The life of a thread.
  void serve(int thread) {
    std::unique_lock<std::mutex> lock(mutex_);
    bool helped = false;
    for (;;) {
      if (newest_ != nullptr) {
        help(*newest_, thread, lock);
        helped = true;
      } else if (!jobs_.empty()) {
        begin_job(lock);
      } else if (std::exchange(helped, false)) {
        ++looking_;
        lock.unlock();
        look_out([this] { return open_.load(std::memory_order_relaxed) != 0; });
        lock.lock();
        --looking_;
      } else {
        ++sleeping_;
        work_.wait(lock);
        --sleeping_;
      }
    }
  }

  void help(Region& region, int thread, std::unique_lock<std::mutex>& lock) {
    const std::int32_t slot = ++region.entered_;
    region.active_.fetch_add(1, std::memory_order_relaxed);
    open_.fetch_sub(1, std::memory_order_relaxed);
    if (region.places_ == 1) newest_ = region.older_;
    --region.places_;
    lock.unlock();
    region.work_as_helper(thread, slot);
    lock.lock();
    const bool awaited = region.awaited_;
    // From here on the region may be gone.
    if (region.active_.fetch_sub(1, std::memory_order_release) == 1 && awaited) left_.notify_all();
  }

  void begin_job(std::unique_lock<std::mutex>& lock) {
    std::function<void()> job = std::move(jobs_.front());
    jobs_.pop_front();
    open_.fetch_sub(1, std::memory_order_relaxed);
    lock.unlock();
    job();
    job = nullptr;
    lock.lock();
  }

  void unlist(Region& region) {
    Region** link = &newest_;
    while (*link != &region) link = &(*link)->older_;
    *link = region.older_;
    open_.fetch_sub(region.places_, std::memory_order_relaxed);
  }

  std::mutex mutex_;
  std::condition_variable work_;  // for threads without any
  std::condition_variable left_;  // for callers who wait until their regions are empty
  Region* newest_ = nullptr;      // of the regions with places
  std::deque<std::function<void()>> jobs_;
  std::atomic<int> open_{0};  // places and jobs; written under the mutex
  int looking_ = 0;           // threads that look out for work
  int sleeping_ = 0;
  int threads_ = 0;
};

// Never destroyed: its threads may outlive static destructors at exit.
ThreadPool& pool() {
  static auto* const instance = new ThreadPool;
  return *instance;
}

}  // namespace

void thread_pool::configure(int threads) { pool().configure(threads); }

int thread_pool::threads() { return pool().threads(); }

void thread_pool::schedule(std::function<void()> job) { pool().schedule(std::move(job)); }

Executor::Executor(int threads, const std::atomic<bool>& stop)
    : lent_{this, threads, &parallel, &stopped}, stop_(stop) {}

void Executor::parallel(void* self, std::int64_t tasks, gld_task run, void* closure) {
  const auto* executor = static_cast<Executor*>(self);
  const auto threads = static_cast<int>(std::min<std::int64_t>(executor->lent_.threads, tasks));
  Region region(tasks, threads, run, closure, executor->stop_);
  if (threads <= 1) return region.work_as_caller();
  // Closed on every way out: helpers must not see this frame once it is gone.
  struct Closing {
    Region& region;
    ~Closing() { pool().close(region); }
  } const closing{region};
  pool().open(region, threads - 1);
  region.work_as_caller();
}

std::int32_t Executor::stopped(void* self) {
  return static_cast<Executor*>(self)->stop_.load(std::memory_order_relaxed) ? 1 : 0;
}

}  // namespace gld
