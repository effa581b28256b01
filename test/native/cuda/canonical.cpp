// Checks that nothing of a call is lost where it is made comparable: every byte of it is there, and its padding is
// zero. What padding is, the compiler says, so that no member can be forgotten here.
#include "cuda/canonical.h"

#include <cstdio>
#include <cstring>

int main() {
  unsigned char bytes[sizeof(gld_call)];
  for (std::size_t i = 0; i < sizeof bytes; ++i) bytes[i] = static_cast<unsigned char>(1 + i % 251);
  gld_call call;
  std::memcpy(&call, bytes, sizeof call);
  const gld_call copy = gld::cuda::canonical(call);
  __builtin_clear_padding(&call);

  unsigned char expected[sizeof call];
  unsigned char got[sizeof call];
  std::memcpy(expected, &call, sizeof call);
  std::memcpy(got, &copy, sizeof copy);
  int wrong = 0;
  int padding = 0;
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    padding += expected[i] == 0;
    if (got[i] == expected[i]) continue;
    if (wrong++ == 0) std::printf("byte %zu of gld_call: %d instead of %d\n", i, got[i], expected[i]);
  }
  if (wrong != 0) return 1;
  std::printf("%zu bytes, of which %d are padding\n", sizeof bytes, padding);
  return 0;
}
