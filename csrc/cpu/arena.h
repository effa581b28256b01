// Workspace of one call, handed out in 64-byte aligned pieces.
//
// Planning and running share one code path: over no memory the arena only counts, so the size that is planned cannot
// differ from what the run takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

namespace gld {

constexpr std::size_t kAlignment = 64;

class Arena {
 public:
  Arena() = default;
  Arena(void* base, std::size_t bytes) : base_(static_cast<char*>(base)), limit_(bytes) {}

  template <class T>
  T* take(std::int64_t count) {
    std::int64_t bytes = 0;
    std::int64_t end = 0;
    if (__builtin_mul_overflow(count, static_cast<std::int64_t>(sizeof(T)), &bytes) ||
        __builtin_add_overflow(bytes, static_cast<std::int64_t>(used_ + kAlignment - 1), &end)) {
      throw std::bad_alloc();
    }
    char* piece = base_ == nullptr ? nullptr : base_ + used_;
    used_ = static_cast<std::size_t>(end) & ~(kAlignment - 1);
    if (base_ != nullptr && used_ > limit_) throw std::bad_alloc();
    return reinterpret_cast<T*>(piece);
  }

  // The same for each of several slots.
  template <class T>
  T* take(std::int64_t count, std::int64_t slots) {
    std::int64_t total = 0;
    if (__builtin_mul_overflow(count, slots, &total)) throw std::bad_alloc();
    return take<T>(total);
  }

  std::size_t used() const { return used_; }

 private:
  char* base_ = nullptr;
  std::size_t limit_ = 0;
  std::size_t used_ = 0;
};

// Rows of workspace matrices start on a cache line: with whole vectors per row, an element meets the same
// instructions wherever its row lies, which keeps results independent of addresses. As many elements for every T, so
// that rows of double are whole Lanes too.
template <class T>
constexpr std::int64_t padded(std::int64_t count) {
  constexpr std::int64_t lanes = kAlignment / sizeof(float);
  static_assert(sizeof(T) >= sizeof(float), "rows start on a cache line");
  return (count + lanes - 1) / lanes * lanes;
}

}  // namespace gld
