// Counts of blocks and powers of two, for hosts and devices.
#pragma once

#include <cstdint>
#include <cstring>

#include "host_device.h"

namespace gld {

GLD_HOST_DEVICE constexpr std::int64_t ceil_div(std::int64_t count, std::int64_t by) { return (count + by - 1) / by; }

// Size of the blocks that `count` is cut into: at least `least`, and no more than `most` blocks.
constexpr std::int64_t block_size(std::int64_t count, std::int64_t least, std::int64_t most) {
  const std::int64_t size = ceil_div(count, most);
  return size < least ? least : size;
}

// 2^-e, at most 2^1000 and at least 2^-1000, for the exponent e of frexp(): size / 2^e is in [0.5, 1). Anything for 0,
// Inf and NaN. It works on the number's bits, as devices call a function with memory of its own for anything else.
GLD_HOST_DEVICE inline double inverse_power(double size) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &size, sizeof bits);
  const auto exponent = static_cast<std::int64_t>(bits >> 52 & 0x7ff) - 1022;
  const std::int64_t inverse = exponent < -1000 ? 1000 : exponent > 1000 ? -1000 : -exponent;
  const std::uint64_t power = static_cast<std::uint64_t>(1023 + inverse) << 52;
  double result = 0;
  std::memcpy(&result, &power, sizeof result);
  return result;
}

}  // namespace gld
