// What this machine can do at most, with the flags of one engine level: bytes per second of a large copy, of reading
// alone and of writing alone, and operations per second of a large Eigen product in float and double.
//
// Usage: gld_limits_<level> THREADS; prints one JSON object.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <Eigen/Core>

#include "cpu/packets.h"

namespace {

using Clock = std::chrono::steady_clock;

// Runs part(i) for every i below `parts`, each on a thread of its own, and returns the seconds that takes.
template <class F>
double timed(int parts, F&& part) {
  const auto begin = Clock::now();
  std::vector<std::thread> others;
  for (int i = 1; i < parts; ++i) others.emplace_back([&part, i] { part(i); });
  part(0);
  for (auto& other : others) other.join();
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// The fastest of several: what disturbs a measurement of a limit only ever slows it down.
template <class F>
double fastest(int repetitions, int parts, F&& part) {
  double best = timed(parts, part);
  for (int i = 1; i < repetitions; ++i) best = std::min(best, timed(parts, part));
  return best;
}

constexpr std::size_t kBytes = std::size_t{192} << 20;  // far more than a core keeps in its caches

// Reads one buffer and writes another; the bytes of both count.
double copy_rate(int threads) {
  std::vector<char> from(kBytes, 1);
  std::vector<char> to(kBytes, 2);
  const std::size_t share = kBytes / static_cast<std::size_t>(threads);
  const double seconds = fastest(3, threads, [&](int part) {
    const std::size_t first = static_cast<std::size_t>(part) * share;
    std::memcpy(to.data() + first, from.data() + first, share);
  });
  if (to[share / 2] != 1) std::abort();
  return 2.0 * static_cast<double>(share) * threads / seconds;
}

// Adds up a buffer.
double read_rate(int threads) {
  const std::vector<float> from(kBytes / sizeof(float), 1.0F);
  const auto share = static_cast<Eigen::Index>(from.size()) / threads;
  std::vector<float> sums(static_cast<std::size_t>(threads));
  const double seconds = fastest(3, threads, [&](int part) {
    sums[static_cast<std::size_t>(part)] = Eigen::Map<const Eigen::ArrayXf>(from.data() + part * share, share).sum();
  });
  if (!(sums[0] > 0)) std::abort();
  return static_cast<double>(share) * sizeof(float) * threads / seconds;
}

// Writes a buffer past the caches, as the engine writes what is too large for them.
double write_rate(int threads) {
  constexpr std::int64_t kPiece = 1024;
  const std::vector<float> piece(kPiece, 1.0F);
  std::vector<float> to(kBytes / sizeof(float));
  const std::int64_t pieces = static_cast<std::int64_t>(to.size()) / kPiece / threads;
  const double seconds = fastest(3, threads, [&](int part) {
    for (std::int64_t i = 0; i < pieces; ++i)
      gld::store_past_caches(to.data() + (part * pieces + i) * kPiece, piece.data(), kPiece);
    gld::end_store_past_caches();
  });
  if (to[0] != 1.0F) std::abort();
  return static_cast<double>(pieces * kPiece) * sizeof(float) * threads / seconds;
}

// One product, cut into panels of columns as the engine cuts its own over threads.
template <class T>
double product_rate(int threads) {
  constexpr Eigen::Index kSize = 2048;
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic>;
  const Matrix left = Matrix::Constant(kSize, kSize, T(0.5));
  const Matrix right = Matrix::Constant(kSize, kSize, T(0.25));
  Matrix product = Matrix::Zero(kSize, kSize);
  const double seconds = fastest(2, threads, [&](int part) {
    const Eigen::Index first = kSize * part / threads;
    const Eigen::Index count = kSize * (part + 1) / threads - first;
    product.middleCols(first, count).noalias() = left * right.middleCols(first, count);
  });
  if (product(kSize - 1, kSize - 1) != T(0.125) * kSize) std::abort();
  return 2.0 * kSize * kSize * kSize / seconds;
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count == 2 ? std::atoi(arguments[1]) : 0;
  if (threads < 1) {
    std::fprintf(stderr, "usage: %s THREADS\n", arguments[0]);
    return 2;
  }
  const double copy = copy_rate(threads);
  const double read = read_rate(threads);
  const double write = write_rate(threads);
  const double single = product_rate<float>(threads);
  const double twice = product_rate<double>(threads);
  std::printf("{\"copy\": %.6e, \"read\": %.6e, \"write\": %.6e, \"float32\": %.6e, \"float64\": %.6e}\n", copy, read,
              write, single, twice);
  return 0;
}
