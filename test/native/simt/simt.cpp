#include "simt.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <numeric>
#include <random>
#include <utility>
#include <vector>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#include <sanitizer/tsan_interface.h>
#endif

// Saves the callee's registers on this stack, leaves its pointer in *save and goes on with the stack `load`.
extern "C" void gld_simt_switch(void** save, void* load);
#if defined(__x86_64__)
__asm__(R"(
.text
.globl gld_simt_switch
.hidden gld_simt_switch
.type gld_simt_switch,@function
gld_simt_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size gld_simt_switch,.-gld_simt_switch
)");
constexpr std::size_t kSavedWords = 6;  // then the return address
#elif defined(__aarch64__)
__asm__(R"(
.text
.globl gld_simt_switch
.hidden gld_simt_switch
.type gld_simt_switch,%function
gld_simt_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size gld_simt_switch,.-gld_simt_switch
)");
#else
#error "the emulator knows no way to switch stacks on this processor"
#endif

namespace simt {
namespace {

constexpr std::size_t kStackBytes = 256 << 10;
constexpr unsigned char kPoison = 0xff;

[[noreturn]] void die(const char* text) {
  std::fprintf(stderr, "emulated CUDA: %s\n", text);
  std::abort();
}

struct Barrier {
  int arrived = 0, ones = 0, last_ones = 0;
  unsigned generation = 0;
};

// Lanes that exchange: by their mask, so that parts of a warp may do so on their own.
struct Meeting {
  Barrier barrier;
  std::unique_ptr<unsigned char[]> slots{new unsigned char[2 * kWarp * kExchangeBytes]};
};

struct Copy {
  void* to;
  std::vector<unsigned char> zero_filled;  // size of the destination
  const void* from;
  std::size_t read;
};

// A stack that runs one CUDA thread after another.
struct Stack {
  std::unique_ptr<unsigned char[]> memory{new unsigned char[kStackBytes]};
  void* pointer = nullptr;
  void* fake = nullptr;  // AddressSanitizer's
#if defined(__SANITIZE_THREAD__)
  void* fiber = __tsan_create_fiber(0);
  ~Stack() { __tsan_destroy_fiber(fiber); }
#endif
};

struct Thread {
  Indices at;
  int linear = 0;
  std::unique_ptr<Stack> stack;
  bool done = false;
  const Barrier* waits = nullptr;
  unsigned generation = 0;
  std::vector<Copy> copies;               // not committed yet
  std::vector<std::vector<Copy>> groups;  // oldest first
};

struct Machine {
  std::vector<std::unique_ptr<Stack>> spare;
  std::mt19937 random;
  // of the running block
  std::vector<Thread> threads;
  std::vector<int> order;
  Thread* running = nullptr;
  const std::function<void()>* kernel = nullptr;
  Barrier barrier;
  std::map<std::pair<int, unsigned>, Meeting> meetings;
  std::map<const void*, std::unique_ptr<unsigned char[]>> shared;
  std::unique_ptr<unsigned char[]> dynamic;
  // the scheduler's own stack
  void* pointer = nullptr;
  void* fake = nullptr;
  const void* bottom = nullptr;
  std::size_t size = 0;
#if defined(__SANITIZE_THREAD__)
  void* fiber = nullptr;
#endif

  Machine() {
    const char* seed = std::getenv("GLD_EMULATED_SEED");
    random.seed(seed == nullptr ? 1u : static_cast<unsigned>(std::strtoul(seed, nullptr, 10)));
  }
};

Machine& machine() {
  static thread_local Machine own;
  return own;
}

void enter_thread([[maybe_unused]] Machine& m, Thread& thread) {
  m.running = &thread;
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&m.fake, thread.stack->memory.get(), kStackBytes);
#endif
#if defined(__SANITIZE_THREAD__)
  m.fiber = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(thread.stack->fiber, 0);
#endif
  gld_simt_switch(&m.pointer, thread.stack->pointer);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(m.fake, nullptr, nullptr);
#endif
  m.running = nullptr;
}

// Back to the scheduler, until it resumes this thread.
void leave_thread(Machine& m) {
  Stack* own = m.running->stack.get();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&own->fake, m.bottom, m.size);
#endif
#if defined(__SANITIZE_THREAD__)
  __tsan_switch_to_fiber(m.fiber, 0);
#endif
  gld_simt_switch(&own->pointer, m.pointer);
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(own->fake, &m.bottom, &m.size);
#endif
}

// What every stack begins with; takes a new thread each time the last one is done.
void stack_main() {
  Machine& m = machine();
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, &m.bottom, &m.size);
#endif
  for (;;) {
    (*m.kernel)();
    for (const auto& group : m.running->groups) {
      if (!group.empty()) die("a thread ended without waiting for its asynchronous copies");
    }
    if (!m.running->copies.empty()) die("a thread ended without committing its asynchronous copies");
    m.running->done = true;
    leave_thread(m);
  }
}

std::unique_ptr<Stack> make_stack() {
  auto stack = std::make_unique<Stack>();
  auto top = reinterpret_cast<std::uintptr_t>(stack->memory.get() + kStackBytes) & ~std::uintptr_t{15};
#if defined(__x86_64__)
  void** words = reinterpret_cast<void**>(top) - 2 - kSavedWords;  // a return address that keeps the ABI's alignment
  std::fill_n(words, kSavedWords, nullptr);
  words[kSavedWords] = reinterpret_cast<void*>(&stack_main);
  words[kSavedWords + 1] = nullptr;
#else
  void** words = reinterpret_cast<void**>(top - 160);
  std::fill_n(words, 20, nullptr);
  words[11] = reinterpret_cast<void*>(&stack_main);
#endif
  stack->pointer = words;
  return stack;
}

int popcount(unsigned bits) { return __builtin_popcount(bits); }

// Returns when `expected` threads have arrived.
int wait(Barrier& barrier, int expected, bool predicate) {
  Machine& m = machine();
  barrier.ones += predicate ? 1 : 0;
  if (++barrier.arrived == expected) {
    barrier.arrived = 0;
    barrier.last_ones = std::exchange(barrier.ones, 0);
    ++barrier.generation;
  } else {
    m.running->waits = &barrier;
    m.running->generation = barrier.generation;
    leave_thread(m);
  }
  return barrier.last_ones;
}

void run_block(Machine& m) {
  m.barrier = Barrier{};
  m.meetings.clear();
  m.shared.clear();
  m.order.resize(m.threads.size());
  std::iota(m.order.begin(), m.order.end(), 0);
  std::size_t left = m.threads.size();
  while (left > 0) {
    std::shuffle(m.order.begin(), m.order.end(), m.random);
    bool moved = false;
    for (const int index : m.order) {
      Thread& thread = m.threads[static_cast<std::size_t>(index)];
      if (thread.done || (thread.waits != nullptr && thread.waits->generation == thread.generation)) continue;
      thread.waits = nullptr;
      if (!thread.stack) {
        if (m.spare.empty()) m.spare.push_back(make_stack());
        thread.stack = std::move(m.spare.back());
        m.spare.pop_back();
      }
      enter_thread(m, thread);
      moved = true;
      if (!thread.done) continue;
      --left;
      m.spare.push_back(std::move(thread.stack));  // free for the next thread
    }
    if (!moved) die("threads wait at a barrier that others of their block or warp never reach");
  }
}

}  // namespace

const Indices& indices() {
  const Thread* thread = machine().running;
  if (thread == nullptr) die("threadIdx outside a kernel");
  return thread->at;
}

void run(dim3 grid, dim3 block, std::size_t shared_bytes, const std::function<void()>& kernel) {
  Machine& m = machine();
  if (m.kernel != nullptr) die("a kernel launches a kernel");
  m.kernel = &kernel;
  const std::size_t threads = static_cast<std::size_t>(block.x) * block.y * block.z;
  const std::uint64_t blocks = static_cast<std::uint64_t>(grid.x) * grid.y * grid.z;
  // Blocks begin somewhere and go on in steps that meet each of them once.
  const std::uint64_t start = m.random() % blocks;
  std::uint64_t step = m.random() % blocks | 1;
  while (std::gcd(step, blocks) != 1) ++step;
  for (std::uint64_t i = 0, index = start; i < blocks; ++i, index = (index + step) % blocks) {
    m.threads.clear();
    m.threads.resize(threads);
    for (std::size_t t = 0; t < threads; ++t) {
      const auto linear = static_cast<unsigned>(t);
      const auto x = static_cast<unsigned>(index % grid.x);
      const auto yz = index / grid.x;
      m.threads[t].linear = static_cast<int>(t);
      m.threads[t].at = {{linear % block.x, linear / block.x % block.y, linear / block.x / block.y},
                         {x, static_cast<unsigned>(yz % grid.y), static_cast<unsigned>(yz / grid.y)},
                         block,
                         grid};
    }
    m.dynamic.reset(new unsigned char[shared_bytes]);
    std::memset(m.dynamic.get(), kPoison, shared_bytes);
    run_block(m);
  }
  m.kernel = nullptr;
}

int block_barrier(bool predicate) {
  Machine& m = machine();
  return wait(m.barrier, static_cast<int>(m.threads.size()), predicate);
}

int lane() { return machine().running->linear % kWarp; }

const unsigned char* exchange(unsigned mask, const void* mine, std::size_t bytes) {
  Machine& m = machine();
  const int self = m.running->linear;
  if ((mask >> (self % kWarp) & 1) == 0) die("a lane that is not in the mask of its warp collective");
  if (bytes > kExchangeBytes) die("too much for one exchange");
  Meeting& meeting = m.meetings[{self / kWarp, mask}];
  unsigned char* slots = meeting.slots.get() + (meeting.barrier.generation & 1) * kWarp * kExchangeBytes;
  std::memcpy(slots + static_cast<std::size_t>(self % kWarp) * kExchangeBytes, mine, bytes);
  wait(meeting.barrier, popcount(mask), false);
  return slots;
}

void* shared(const void* key, std::size_t bytes) {
  auto& piece = machine().shared[key];
  if (!piece) {
    piece.reset(new unsigned char[bytes]);
    std::memset(piece.get(), kPoison, bytes);
  }
  return piece.get();
}

void* dynamic_shared() { return machine().dynamic.get(); }

void async_copy(void* to, const void* from, std::size_t bytes, std::size_t read_bytes) {
  if (reinterpret_cast<std::uintptr_t>(to) % bytes != 0 ||
      (read_bytes > 0 && reinterpret_cast<std::uintptr_t>(from) % bytes != 0)) {
    die("an asynchronous copy that is not aligned");
  }
  machine().running->copies.push_back({to, std::vector<unsigned char>(bytes, 0), from, read_bytes});
}

void async_commit() {
  Thread& thread = *machine().running;
  thread.groups.push_back(std::exchange(thread.copies, {}));
}

void async_wait(int pending_groups) {
  Thread& thread = *machine().running;
  while (thread.groups.size() > static_cast<std::size_t>(pending_groups)) {
    for (Copy& copy : thread.groups.front()) {
      std::memcpy(copy.zero_filled.data(), copy.from, copy.read);
      std::memcpy(copy.to, copy.zero_filled.data(), copy.zero_filled.size());
    }
    thread.groups.erase(thread.groups.begin());
  }
}

}  // namespace simt
