// Workspace of one call, handed out in aligned pieces.
//
// Planning and running share one code path: over no memory the arena only counts, so what is planned cannot differ
// from what the run takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "matrix.h"

#if defined(GLD_EMULATED) && defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define GLD_GUARDED_ARENA 1
#else
#define GLD_GUARDED_ARENA 0
#endif

namespace gld {

// Pieces begin at multiples of kBytes; the rows of matrices are multiples of kElements apart.
template <std::size_t kBytes, std::int64_t kElements>
class AlignedArena {
 public:
  static constexpr std::size_t kAlignment = kBytes;

  AlignedArena() = default;
  AlignedArena(void* base, std::size_t bytes) : base_(static_cast<char*>(base)), limit_(bytes) {
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
    used_ = static_cast<std::size_t>(end) & ~(kAlignment - 1);
    if (base_ != nullptr && used_ > limit_) throw std::bad_alloc();
#if GLD_GUARDED_ARENA
    if (piece != nullptr) ASAN_UNPOISON_MEMORY_REGION(piece, static_cast<std::size_t>(bytes));
#endif
    return reinterpret_cast<T*>(piece);
  }

  // Room for so many elements in each of several slots.
  template <class T>
  T* take(std::int64_t count, std::int64_t slots) {
    std::int64_t total = 0;
    if (__builtin_mul_overflow(count, slots, &total)) throw std::bad_alloc();
    return take<T>(total);
  }

  // How far apart the rows of a matrix of so many columns are.
  static constexpr std::int64_t pitch(std::int64_t columns) {
    return (columns + kElements - 1) / kElements * kElements;
  }
  template <class T>
  Matrix<T> matrix(std::int64_t rows, std::int64_t columns) {
    return {take<T>(pitch(columns), rows), pitch(columns)};
  }

  std::size_t used() const { return used_; }

 private:
  static_assert((kBytes & (kBytes - 1)) == 0, "an alignment is a power of two");
  static constexpr std::size_t kGuard = GLD_GUARDED_ARENA ? kAlignment : 0;

  char* base_ = nullptr;
  std::size_t limit_ = 0;
  std::size_t used_ = 0;
};

}  // namespace gld
