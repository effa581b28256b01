// Workspace of one call, in pieces that begin on a cache line.
#pragma once

#include "../shared/arena.h"

namespace gld {

// Rows of workspace matrices start on a cache line too: with whole vectors per row, an element meets the same
// instructions wherever its row lies, which keeps results independent of addresses. As many elements for every T, so
// that rows of double are whole Lanes too.
using Arena = AlignedArena<64, 16>;

constexpr std::int64_t padded(std::int64_t count) { return Arena::pitch(count); }

}  // namespace gld
