// Memory that stages work in, kept from call to call.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <limits>
#include <memory>
#include <string>

#include "../shared/status.h"
#include "views.h"

namespace gld {

class Workspace {
 public:
  // Grows to at least this many bytes, contents lost.
  void reserve(std::size_t bytes) {
    if (bytes <= bytes_ && data_) return;
    release();
    if (bytes > std::numeric_limits<std::size_t>::max() / 2) throw too_large(bytes);
    // Where the system has huge pages for those who ask, much memory is touched for the first time in fewer faults.
    constexpr std::size_t kHugePage = std::size_t{2} << 20;
    const bool huge = bytes >= 2 * kHugePage;
    const std::size_t alignment = huge ? kHugePage : Arena::kAlignment;
    const std::size_t rounded = (bytes / alignment + 1) * alignment;
    data_.reset(std::aligned_alloc(alignment, rounded));
    if (!data_) throw too_large(bytes);
    if (huge) madvise(data_.get(), rounded, MADV_HUGEPAGE);  // a mere wish
    bytes_ = rounded;
  }

  void* data() const { return data_.get(); }
  std::size_t bytes() const { return bytes_; }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };

  static Error too_large(std::size_t bytes) {
    return {GLD_OUT_OF_MEMORY, std::to_string(bytes) + " bytes of workspace"};
  }

  void release() {
    data_.reset();
    bytes_ = 0;
  }

  std::unique_ptr<void, Free> data_;
  std::size_t bytes_ = 0;
};

}  // namespace gld
