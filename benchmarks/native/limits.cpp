// What this machine can do at most, with the flags of one engine level: bytes per second of a large copy, of reading
// alone and of writing alone, and operations per second of multiply-adds that never leave the registers, in float and
// double. Beside these, how much of the latter products reach, Eigen's and ours.
//
// Usage: gld_limits_<level> THREADS ROWSxCOLUMNSxDEPTH...; the sizes are those of the products. Prints one JSON object.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include <Eigen/Core>

#include "addon/thread_pool.h"
#include "cpu/packets.h"
#include "cpu/product.h"
#include "cpu/workspace.h"

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

// Whole vectors of the level; the engine's Packet is at most 256 bits wide.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wignored-attributes"
template <class T>
using Vector = typename Eigen::internal::packet_traits<T>::type;
template <class T>
constexpr int kVector = Eigen::internal::unpacket_traits<Vector<T>>::size;
#pragma GCC diagnostic pop

// More chains than multiply-adds are under way at a time, which is latency times units: 4 * 2 with AVX2 and AVX-512, as
// many with SSE, where a multiply-add is two operations, and 4 * 4 on large arm64 cores. All of them have to fit into
// the registers, of which AVX-512 and NEON have 32, the others 16.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kChains = 24;
#else
constexpr int kChains = 12;
#endif

// chain = chain * factor + addend, `rounds` times in each chain; every one of them tends to 2.
template <class T>
[[gnu::noinline]] T multiply_add(std::int64_t rounds) {
  namespace packets = Eigen::internal;
  const Vector<T> factor = packets::pset1<Vector<T>>(T(0.5));
  const Vector<T> addend = packets::pset1<Vector<T>>(T(1));
  Vector<T> chains[kChains];
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) chains[i] = packets::pset1<Vector<T>>(T(i));
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 24
    for (int i = 0; i < kChains; ++i) chains[i] = packets::pmadd(chains[i], factor, addend);
  }
  T sum = 0;
#pragma GCC unroll 24
  for (int i = 0; i < kChains; ++i) {
    T lanes[kVector<T>];
    packets::pstoreu(lanes, chains[i]);
    for (const T lane : lanes) sum += lane;
  }
  return sum;
}

template <class T>
double register_rate(int threads) {
  constexpr std::int64_t kRounds = 1 << 20;
  std::vector<T> sums(static_cast<std::size_t>(threads));
  const double seconds =
      fastest(7, threads, [&](int part) { sums[static_cast<std::size_t>(part)] = multiply_add<T>(kRounds); });
  if (!(sums[0] > 2 * kChains * kVector<T> - 1)) std::abort();
  return 2.0 * kRounds * kChains * kVector<T> * threads / seconds;
}

// logits[rows, columns] = pooled[rows, depth] · weight[columns, depth]ᵀ, as the classifier's.
struct Size {
  long long rows, columns, depth;

  double flops() const {
    return 2.0 * static_cast<double>(rows) * static_cast<double>(columns) * static_cast<double>(depth);
  }
};

// The best rate of calls in a row, as many in a repetition as the clock needs.
template <class F>
double best_rate(double flops, F&& call) {
  constexpr double kLeast = 2e-3;
  constexpr double kBudget = 0.15;
  call();
  const double once = std::max(timed(1, [&](int) { call(); }), 1e-7);
  const int calls = static_cast<int>(std::ceil(kLeast / std::min(once, kLeast)));
  const int repetitions = std::max(3, static_cast<int>(kBudget / (calls * once)));
  const double seconds = fastest(repetitions, 1, [&](int) {
    for (int i = 0; i < calls; ++i) call();
  });
  return flops * calls / seconds;
}

template <class T>
using Rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
struct Factors {
  explicit Factors(const Size& size)
      : pooled(Rows<T>::Constant(size.rows, size.depth, T(0.5))),
        weight(Rows<T>::Constant(size.columns, size.depth, T(0.25))),
        logits(Rows<T>::Zero(size.rows, size.columns)) {}

  // Sums of so few powers of two are exact in any order.
  void check() const {
    if (!(logits.array() == T(0.125) * static_cast<T>(pooled.cols())).all()) std::abort();
  }

  Rows<T> pooled, weight, logits;
};

// Eigen's, cut into as many panels of rows as there are threads.
template <class T>
double eigen_rate(const Size& size, const gld::Parallel& parallel, int threads) {
  Factors<T> of(size);
  const double rate = best_rate(size.flops(), [&] {
    parallel(threads, [&](std::int64_t part, int) {
      const Eigen::Index first = size.rows * part / threads;
      const Eigen::Index count = size.rows * (part + 1) / threads - first;
      of.logits.middleRows(first, count).noalias() = of.pooled.middleRows(first, count) * of.weight.transpose();
    });
  });
  of.check();
  return rate;
}

// Ours, as the classifier calls it.
template <class T>
double our_rate(const Size& size, const gld::Parallel& parallel, int threads) {
  Factors<T> of(size);
  const auto make = [&](gld::Arena& arena) {
    return gld::Product<T>(size.depth, size.columns, gld::kProductRows, arena, threads);
  };
  gld::Arena plan;
  make(plan);
  gld::Workspace workspace;
  workspace.reserve(plan.used());
  gld::Arena arena(workspace.data(), workspace.bytes());
  gld::Product<T> product = make(arena);
  const gld::Factor<T> left{of.pooled.data(), size.depth};
  const gld::Factor<T> right{of.weight.data(), size.depth, true};
  const gld::Matrix<T> to{of.logits.data(), size.columns};
  const double rate = best_rate(size.flops(), [&] { product.run(parallel, left, size.rows, right, to); });
  of.check();
  return rate;
}

void print_product(const char* by, const Size& size, double single, double twice) {
  std::printf("{\"by\": \"%s\", \"rows\": %lld, \"columns\": %lld, \"depth\": %lld", by, size.rows, size.columns,
              size.depth);
  std::printf(", \"float32\": %.6e, \"float64\": %.6e}", single, twice);
}

}  // namespace

int main(int count, char** arguments) {
  const int threads = count > 1 ? std::atoi(arguments[1]) : 0;
  std::vector<Size> sizes;
  for (int i = 2; i < count; ++i) {
    Size size{};
    if (std::sscanf(arguments[i], "%lldx%lldx%lld", &size.rows, &size.columns, &size.depth) == 3) sizes.push_back(size);
  }
  if (threads < 1 || static_cast<int>(sizes.size()) != count - 2) {
    std::fprintf(stderr, "usage: %s THREADS ROWSxCOLUMNSxDEPTH...\n", arguments[0]);
    return 2;
  }
  std::printf("{\"copy\": %.6e, \"read\": %.6e, \"write\": %.6e", copy_rate(threads), read_rate(threads),
              write_rate(threads));
  std::printf(", \"float32\": %.6e, \"float64\": %.6e, \"products\": [", register_rate<float>(threads),
              register_rate<double>(threads));
  gld::thread_pool::configure(threads);
  const std::atomic<bool> stop{false};
  const gld::Executor executor(threads, stop);
  const gld::Parallel parallel(executor.lent());
  const char* separator = "";
  for (const Size& size : sizes) {
    std::printf("%s", separator);
    print_product("Eigen", size, eigen_rate<float>(size, parallel, threads),
                  eigen_rate<double>(size, parallel, threads));
    std::printf(", ");
    print_product("gld-loss", size, our_rate<float>(size, parallel, threads),
                  our_rate<double>(size, parallel, threads));
    separator = ", ";
  }
  std::printf("]}\n");
  return 0;
}
