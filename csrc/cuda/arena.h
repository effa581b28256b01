// Device workspace of one call, handed out in 256-byte aligned pieces (what cudaMalloc gives, and whole cache lines).
//
// Planning and running share one code path, as in csrc/cpu/arena.h: over no memory the arena only counts.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#if defined(GLD_EMULATED) && defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define GLD_GUARDED_ARENA 1
#else
#define GLD_GUARDED_ARENA 0
#endif

namespace gld::cuda {

// Float32 rows `pitch` elements apart; pitch is a multiple of 4, so that rows begin on 16 bytes.
struct Matrix {
  float* data = nullptr;
  std::int64_t pitch = 0;

  explicit operator bool() const { return data != nullptr; }
};

class Arena {
 public:
  static constexpr std::size_t kAlignment = 256;

  Arena() = default;
  Arena(void* base, std::size_t bytes) : base_(static_cast<char*>(base)), limit_(bytes) {
#if GLD_GUARDED_ARENA
    ASAN_POISON_MEMORY_REGION(base_, limit_);
#endif
  }

  // Null while planning.
  template <class T>
  T* take(std::int64_t count) {
    std::int64_t bytes = 0;
    std::int64_t end = 0;
    if (__builtin_mul_overflow(count, static_cast<std::int64_t>(sizeof(T)), &bytes) ||
        __builtin_add_overflow(bytes, static_cast<std::int64_t>(used_ + kGuard + kAlignment - 1), &end)) {
      throw std::bad_alloc();
    }
    char* piece = base_ == nullptr ? nullptr : base_ + used_;
    used_ = static_cast<std::size_t>(end) / kAlignment * kAlignment;
    if (base_ != nullptr && used_ > limit_) throw std::bad_alloc();
#if GLD_GUARDED_ARENA
    if (piece != nullptr) ASAN_UNPOISON_MEMORY_REGION(piece, static_cast<std::size_t>(bytes));
#endif
    return reinterpret_cast<T*>(piece);
  }

  Matrix matrix(std::int64_t rows, std::int64_t columns) {
    const std::int64_t pitch = (columns + 3) / 4 * 4;
    std::int64_t count = 0;
    if (__builtin_mul_overflow(rows, pitch, &count)) throw std::bad_alloc();
    return {take<float>(count), pitch};
  }

  std::size_t used() const { return used_; }

 private:
  static constexpr std::size_t kGuard = GLD_GUARDED_ARENA ? kAlignment : 0;

  char* base_ = nullptr;
  std::size_t limit_ = 0;
  std::size_t used_ = 0;
};

}  // namespace gld::cuda
