// Checks that calls are compared by all that they consist of: another value of any one byte makes another call, unless
// the byte is padding. What padding is, the compiler says, so that no member can be forgotten here.
#include "shared/same_call.h"

#include <cstdio>
#include <cstring>

int main() {
  unsigned char bytes[sizeof(gld_call)];
  std::memset(bytes, 0xff, sizeof bytes);
  gld_call call;
  std::memcpy(&call, bytes, sizeof call);
  __builtin_clear_padding(&call);

  unsigned char solid[sizeof call];
  std::memcpy(solid, &call, sizeof call);
  int wrong = 0;
  int padding = 0;
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    const bool is_padding = solid[i] == 0;
    padding += is_padding;
    bytes[i] = 0x7f;
    gld_call other;
    std::memcpy(&other, bytes, sizeof other);
    bytes[i] = 0xff;
    if (gld::same_call(call, other) == is_padding) continue;
    if (wrong++ == 0) std::printf("byte %zu of gld_call: %s\n", i, is_padding ? "compared, though padding" : "ignored");
  }
  if (wrong != 0) return 1;
  std::printf("%zu bytes, of which %d are padding\n", sizeof bytes, padding);
  return 0;
}
