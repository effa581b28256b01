// A number that differs with the lines of call.def: what was made of other ones cannot work together. tools/schema.ts
// computes the same of the file's text.
#pragma once

#include <cstdint>

namespace gld {

// FNV-1a, 64 bits.
constexpr std::uint64_t hash_of(const char* text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (; *text != 0; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3U;
  return hash;
}

// The lines one after the other, each as it is written.
inline constexpr std::uint64_t kCallHash = hash_of(
#define GLD_NUMBER(...) "GLD_NUMBER(" #__VA_ARGS__ ")"
#define GLD_GRID(...) "GLD_GRID(" #__VA_ARGS__ ")"
#define GLD_SIDE_NUMBER(...) "GLD_SIDE_NUMBER(" #__VA_ARGS__ ")"
#define GLD_OPTION(...) "GLD_OPTION(" #__VA_ARGS__ ")"
#define GLD_CHOICE(...) "GLD_CHOICE(" #__VA_ARGS__ ")"
#define GLD_ADDON_OPTION(...) "GLD_ADDON_OPTION(" #__VA_ARGS__ ")"
#define GLD_ADDON_NUMBER(...) "GLD_ADDON_NUMBER(" #__VA_ARGS__ ")"
#define GLD_SIDE_INPUT(...) "GLD_SIDE_INPUT(" #__VA_ARGS__ ")"
#define GLD_INPUT(...) "GLD_INPUT(" #__VA_ARGS__ ")"
#define GLD_OUTPUT(...) "GLD_OUTPUT(" #__VA_ARGS__ ")"
#define GLD_LIMIT(...) "GLD_LIMIT(" #__VA_ARGS__ ")"
#define GLD_ENUM(...) "GLD_ENUM(" #__VA_ARGS__ ")"
#define GLD_WORD(...) "GLD_WORD(" #__VA_ARGS__ ")"
#define GLD_DTYPE(...) "GLD_DTYPE(" #__VA_ARGS__ ")"
#define GLD_ENUM_END(...) "GLD_ENUM_END(" #__VA_ARGS__ ")"
#define GLD_TYPES(...) "GLD_TYPES(" #__VA_ARGS__ ")"
#define GLD_AXIS(...) "GLD_AXIS(" #__VA_ARGS__ ")"
#define GLD_LOOSE_AXIS(...) "GLD_LOOSE_AXIS(" #__VA_ARGS__ ")"
#define GLD_VIEW_NUMBERS(...) "GLD_VIEW_NUMBERS(" #__VA_ARGS__ ")"
#define GLD_RESULT(...) "GLD_RESULT(" #__VA_ARGS__ ")"
#include "../call.def"
);

// As lib/schema.ts has it.
struct CallSchema {
  char text[17] = {};

  constexpr CallSchema() {
    for (int digit = 0; digit < 16; ++digit) text[digit] = "0123456789abcdef"[kCallHash >> (60 - 4 * digit) & 15];
  }
};
inline constexpr CallSchema kCallSchema;

}  // namespace gld
