// Checks the streams of a device engine: what is refused, what is told, cancelling, errors, and that a stream gives the
// same bits afterwards, whatever came before.
//
// Usage: streams <device engine .so>. Prints "ok" or what is wrong (exit code 1).
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "../engines.h"

namespace {

const gld_engine* engine = nullptr;

#define EXPECT(condition)                                                       \
  do {                                                                          \
    if (!(condition)) {                                                         \
      std::printf("line %d: not so: %s (%s)\n", __LINE__, #condition, message); \
      std::exit(1);                                                             \
    }                                                                           \
  } while (false)

// Two networks of logits, labels, and a place for the gradient, in host or device memory.
struct Problem {
  std::int64_t n, rows, classes;
  std::vector<float> teacher, student, gradient;
  std::vector<std::int32_t> labels;
  void* device[4] = {};
  gld_call call{};

  Problem(std::int64_t n_, std::int64_t cells, std::int64_t classes_, unsigned seed)
      : n(n_), rows(1 + cells), classes(classes_) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    const auto size = static_cast<std::size_t>(n * rows * classes);
    for (std::size_t i = 0; i < size; ++i) {
      teacher.push_back(normal(random));
      student.push_back(normal(random));
    }
    gradient.assign(size, 0);
    for (std::int64_t i = 0; i < n; ++i) {
      labels.push_back(static_cast<std::int32_t>(random() % static_cast<unsigned>(classes)));
    }
    call.n = n;
    call.rows = rows;
    call.classes = classes;
    call.unbiased = 1;
    call.alpha = 0.7;
    call.beta = 500;
    call.local_weight = 1;
    call.temperature = 1;
    const auto view = [&](void* data, gld_dtype dtype) {
      return gld_view{data, dtype, GLD_HOST, {rows * classes, classes, 1}};
    };
    call.teacher.logits = view(teacher.data(), GLD_F32);
    call.student.logits = view(student.data(), GLD_F32);
    call.out_logits = view(gradient.data(), GLD_F32);
    call.labels = {labels.data(), GLD_I32, GLD_HOST, {1}};
  }
  Problem(const Problem&) = delete;
  ~Problem() {
    char message[GLD_MESSAGE_BYTES];
    for (void* block : device) {
      if (block != nullptr) engine->release(0, block, message);
    }
  }

  void to_device() {
    gld_view* views[] = {&call.teacher.logits, &call.student.logits, &call.labels, &call.out_logits};
    const std::size_t bytes[] = {4 * teacher.size(), 4 * student.size(), 4 * labels.size(), 4 * gradient.size()};
    char message[GLD_MESSAGE_BYTES] = "";
    for (int i = 0; i < 4; ++i) {
      EXPECT(engine->allocate(0, bytes[i], &device[i], message) == GLD_OK);
      EXPECT(engine->copy(0, device[i], GLD_DEVICE, views[i]->data, GLD_HOST, bytes[i], message) == GLD_OK);
      EXPECT(engine->check(0, device[i], bytes[i], message) == GLD_OK);
      views[i]->data = device[i];
      views[i]->memory = GLD_DEVICE;
    }
  }
  std::vector<float> result() {
    char message[GLD_MESSAGE_BYTES] = "";
    if (device[3] != nullptr) {
      EXPECT(engine->copy(0, gradient.data(), GLD_HOST, device[3], GLD_DEVICE, 4 * gradient.size(), message) == GLD_OK);
    }
    return gradient;
  }
};

struct Outcome {
  gld_result result;
  std::vector<float> gradient;
  bool operator==(const Outcome& other) const {
    return std::memcmp(&result, &other.result, sizeof result) == 0 &&
           std::memcmp(gradient.data(), other.gradient.data(), 4 * gradient.size()) == 0;
  }
};

Outcome run(gld_stream* stream, Problem& problem) {
  char message[GLD_MESSAGE_BYTES] = "";
  std::fill(problem.gradient.begin(), problem.gradient.end(), -1.0f);
  Outcome outcome{};
  EXPECT(engine->submit(stream, &problem.call, GLD_STAGE_GLD, nullptr, nullptr, nullptr, message) == GLD_OK);
  EXPECT(engine->finish(stream, &outcome.result, message) == GLD_OK);
  outcome.gradient = problem.result();
  EXPECT(std::isfinite(outcome.result.loss));
  return outcome;
}

gld_stream* open() {
  char message[GLD_MESSAGE_BYTES] = "";
  gld_stream* stream = nullptr;
  EXPECT(engine->open(0, &stream, message) == GLD_OK);
  return stream;
}

Outcome alone(Problem& problem) {
  gld_stream* stream = open();
  const Outcome outcome = run(stream, problem);
  engine->close(stream);
  return outcome;
}

// What only the CPU engine computes is refused by its name.
void check_unsupported() {
  char message[GLD_MESSAGE_BYTES] = "";
  Problem problem(3, 4, 10, 1);
  gld_stream* stream = open();
  gld_result result{};
  EXPECT(engine->supports(&problem.call, GLD_STAGE_GLD, 0, nullptr) == 1);
  const auto refused = [&](const gld_call& call, const char* name) {
    gld_refusal why{};
    const gld_status status = engine->submit(stream, &call, GLD_STAGE_GLD, nullptr, nullptr, nullptr, message);
    return status == GLD_UNSUPPORTED && std::strstr(message, name) == message &&
           engine->supports(&call, GLD_STAGE_GLD, 7, &why) == 0 && why.kind == GLD_REFUSED_AT_PLACE &&
           std::strcmp(why.argument, name) == 0 &&
           std::strstr(why.expected, " on cuda:7, unlike on the CPU") != nullptr;
  };
  const auto view = [](auto& data, gld_dtype dtype) { return gld_view{data.data(), dtype, GLD_HOST, {}}; };
  std::vector<float> ones(3, 1);
  std::vector<std::uint8_t> bytes(1, 1);
  gld_call wrong = problem.call;
  wrong.weights = view(ones, GLD_F32);
  EXPECT(refused(wrong, "weights"));
  wrong = problem.call;
  wrong.unlabelled = 1;
  EXPECT(refused(wrong, "ignoreIndex"));

  gld_call map = problem.call;
  map.out_logits.data = nullptr;
  map.levels = 1;
  map.grid[0][0] = 1;
  map.grid[0][1] = map.grid[0][2] = 2;
  gld_side& student = map.student;
  student.channels = map.classes;
  student.depth = 1;
  student.height = student.width = 2;
  student.logits.data = nullptr;
  student.features = view(problem.student, GLD_F32);
  student.weight = view(problem.student, GLD_F32);
  EXPECT(engine->submit(stream, &map, GLD_STAGE_GLD, nullptr, nullptr, nullptr, message) == GLD_OK);
  EXPECT(engine->finish(stream, &result, message) == GLD_OK);
  wrong = map;
  wrong.levels = 2;
  wrong.grid[0][1] = wrong.grid[1][0] = wrong.grid[1][1] = 1;
  wrong.grid[1][2] = 2;
  EXPECT(refused(wrong, "grid"));
  wrong = map;
  wrong.student.depth = 2;
  EXPECT(refused(wrong, "student.features"));
  wrong = map;
  wrong.student.mask = view(bytes, GLD_U8);
  EXPECT(refused(wrong, "student.mask"));
  wrong = map;
  wrong.student.weight.data = nullptr;
  EXPECT(refused(wrong, "student.features"));
  engine->close(stream);
}

void check_refusals() {
  char message[GLD_MESSAGE_BYTES] = "";
  Problem problem(3, 4, 10, 1);
  const Outcome expected = alone(problem);
  gld_stream* stream = open();
  gld_result result{};
  std::atomic<int> done{0};
  const gld_done count = [](void* closure) { ++*static_cast<std::atomic<int>*>(closure); };

  EXPECT(engine->finish(stream, &result, message) == GLD_INVALID);
  gld_call wrong = problem.call;
  wrong.compute = GLD_F64;
  EXPECT(engine->submit(stream, &wrong, GLD_STAGE_GLD, nullptr, count, &done, message) == GLD_UNSUPPORTED);
  EXPECT(std::strstr(message, "float64") != nullptr);
  wrong = problem.call;
  wrong.precision = 3;
  EXPECT(engine->submit(stream, &wrong, GLD_STAGE_GLD, nullptr, count, &done, message) == GLD_INVALID);
  wrong = problem.call;
  wrong.teacher.logits.data = nullptr;
  EXPECT(engine->submit(stream, &wrong, GLD_STAGE_GLD, nullptr, count, &done, message) == GLD_INVALID);
  wrong = problem.call;
  wrong.n = std::int64_t{1} << 62;
  EXPECT(engine->submit(stream, &wrong, GLD_STAGE_GLD, nullptr, count, &done, message) == GLD_TOO_LARGE);
  problem.labels[1] = 10;
  EXPECT(engine->submit(stream, &problem.call, GLD_STAGE_GLD, nullptr, count, &done, message) == GLD_LABEL_RANGE);
  EXPECT(std::strcmp(message, "label 10 of sample 1") == 0);
  problem.labels[1] = 3;
  EXPECT(done == 0);

  EXPECT(engine->submit(stream, &problem.call, GLD_STAGE_GLD, nullptr, count, &done, message) == GLD_OK);
  EXPECT(engine->submit(stream, &problem.call, GLD_STAGE_GLD, nullptr, count, &done, message) == GLD_INVALID);
  EXPECT(engine->finish(stream, &result, message) == GLD_OK);
  for (int i = 0; i < 2000 && done == 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT(done == 1);
  problem.labels = {0, 0, 0};
  Problem same(3, 4, 10, 1);
  EXPECT(run(stream, same) == expected);

  // Labels on the device are looked at there.
  Problem there(5, 4, 10, 2);
  there.labels[2] = -7;
  there.labels[4] = 99;
  there.to_device();
  for (int i = 0; i < 3; ++i) {
    EXPECT(engine->submit(stream, &there.call, GLD_STAGE_GLD, nullptr, nullptr, nullptr, message) == GLD_OK);
    EXPECT(engine->finish(stream, &result, message) == GLD_LABEL_RANGE);
    EXPECT(std::strcmp(message, "label -7 of sample 2") == 0);
  }
  EXPECT(run(stream, same) == expected);
  gld_call float64 = there.call;
  float64.student.logits.dtype = GLD_F64;
  EXPECT(engine->submit(stream, &float64, GLD_STAGE_GLD, nullptr, nullptr, nullptr, message) == GLD_UNSUPPORTED);
  EXPECT(std::strcmp(message,
                     "student.logits: expected float32, float16 or bfloat16 elements on cuda:0, got float64, "
                     "for the CPU only") == 0);
  EXPECT(engine->check(0, there.device[0], 4 * there.teacher.size() + 1, message) == GLD_INVALID);
  EXPECT(engine->check(0, static_cast<char*>(there.device[0]) + 4, 4 * there.teacher.size(), message) == GLD_INVALID);
  EXPECT(engine->check(0, same.teacher.data(), 4, message) == GLD_INVALID);
  gld_device info{};
  EXPECT(engine->describe(0, &info, message) == GLD_OK && info.memory_bytes > 0 && info.major >= 5);
  EXPECT(engine->describe(99, &info, message) == GLD_UNAVAILABLE);
  gld_stream* none = nullptr;
  EXPECT(engine->open(-1, &none, message) == GLD_UNAVAILABLE && none == nullptr);
  engine->close(stream);
}

void check_cancelling() {
  char message[GLD_MESSAGE_BYTES] = "";
  Problem problem(9, 4, 33, 3);
  Problem there(9, 4, 33, 3);
  there.to_device();
  const Outcome expected = alone(problem);
  gld_stream* stream = open();
  for (int i = 0; i < 24; ++i) {
    Problem& each = i % 2 == 0 ? problem : there;
    gld_result result{};
    EXPECT(engine->submit(stream, &each.call, GLD_STAGE_GLD, nullptr, nullptr, nullptr, message) == GLD_OK);
    std::thread other([&] {
      std::this_thread::sleep_for(std::chrono::microseconds(200 * (i % 6)));
      engine->cancel(stream);
    });
    if (i % 3 == 0) other.join();
    const gld_status status = engine->finish(stream, &result, message);
    EXPECT(status == GLD_CANCELLED || (status == GLD_OK && i % 3 != 0));
    if (other.joinable()) other.join();
    EXPECT(run(stream, each) == expected);
  }
  // Closing waits for a call under way.
  EXPECT(engine->submit(stream, &problem.call, GLD_STAGE_GLD, nullptr, nullptr, nullptr, message) == GLD_OK);
  engine->close(stream);
}

// Shapes and addresses in any order: what is kept from call to call must not show.
void check_what_is_kept() {
  std::vector<std::unique_ptr<Problem>> problems;
  std::vector<Outcome> expected;
  const std::int64_t shapes[][3] = {{1, 1, 1},   {3, 4, 10},  {3, 4, 10}, {8, 9, 20},
                                    {2, 0, 129}, {5, 4, 300}, {3, 4, 10}};
  unsigned seed = 10;
  for (const auto& shape : shapes) {
    for (const bool device : {false, true}) {
      problems.push_back(std::make_unique<Problem>(shape[0], shape[1], shape[2], ++seed));
      if (shape[2] == 1) problems.back()->call.unbiased = 0;
      if (device) problems.back()->to_device();
      expected.push_back(alone(*problems.back()));
    }
  }
  gld_stream* stream = open();
  std::mt19937 random(4);
  for (int i = 0; i < 80; ++i) {
    const std::size_t which = random() % problems.size();
    char message[GLD_MESSAGE_BYTES] = "";
    const int times = 1 + static_cast<int>(random() % 3);
    for (int t = 0; t < times; ++t) EXPECT(run(stream, *problems[which]) == expected[which]);
  }
  const std::size_t held = engine->bytes(stream);
  char message[GLD_MESSAGE_BYTES] = "";
  for (int i = 0; i < 10; ++i) run(stream, *problems[3]);
  EXPECT(engine->bytes(stream) == held);
  engine->close(stream);

  // Streams are independent of one another.
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      gld_stream* own = open();
      for (std::size_t i = t; i < problems.size(); i += 4) {
        for (int again = 0; again < 3; ++again) EXPECT(run(own, *problems[i]) == expected[i]);
      }
      engine->close(own);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

// More host memory than a chunk of the staging ring, part of it strided.
void check_large_inputs() {
  char message[GLD_MESSAGE_BYTES] = "";
  Problem problem(300, 4, 1000, 6);
  problem.call.beta = 0;
  gld_result expected{}, got{};
  Problem there(300, 4, 1000, 6);
  there.call.beta = 0;
  there.to_device();
  gld_stream* stream = open();
  EXPECT(engine->submit(stream, &there.call, GLD_STAGE_NORMALIZED_KD, nullptr, nullptr, nullptr, message) == GLD_OK);
  EXPECT(engine->finish(stream, &expected, message) == GLD_OK);
  for (int i = 0; i < 3; ++i) {
    std::fill(problem.gradient.begin(), problem.gradient.end(), -1.0f);
    EXPECT(engine->submit(stream, &problem.call, GLD_STAGE_NORMALIZED_KD, nullptr, nullptr, nullptr, message) ==
           GLD_OK);
    EXPECT(engine->finish(stream, &got, message) == GLD_OK);
    EXPECT(std::memcmp(&expected, &got, sizeof got) == 0);
    EXPECT(there.result() == problem.gradient);
  }
  // The teacher's classes backwards, in every other place: the same numbers by way of a packed copy.
  std::vector<float> spread(2 * problem.teacher.size());
  for (std::size_t i = 0; i < problem.teacher.size(); ++i) spread[spread.size() - 1 - 2 * i] = problem.teacher[i];
  problem.call.teacher.logits.data = &spread.back();
  for (std::int64_t& stride : problem.call.teacher.logits.stride) stride *= -2;
  EXPECT(engine->submit(stream, &problem.call, GLD_STAGE_NORMALIZED_KD, nullptr, nullptr, nullptr, message) == GLD_OK);
  EXPECT(engine->finish(stream, &got, message) == GLD_OK);
  EXPECT(std::memcmp(&expected, &got, sizeof got) == 0);
  engine->close(stream);
}

// A device that is too small for a call serves the next one. 16 MiB, by GLD_EMULATED_MEMORY.
void check_memory() {
  char message[GLD_MESSAGE_BYTES] = "";
  Problem small(3, 4, 10, 1);
  Problem large(300, 4, 1000, 6);
  const Outcome expected = alone(small);
  gld_stream* stream = open();
  EXPECT(run(stream, small) == expected);
  gld_device before{}, after{};
  EXPECT(engine->describe(0, &before, message) == GLD_OK);
  for (int i = 0; i < 3; ++i) {
    EXPECT(engine->submit(stream, &large.call, GLD_STAGE_NORMALIZED_KD, nullptr, nullptr, nullptr, message) ==
           GLD_OUT_OF_MEMORY);
    EXPECT(std::strstr(message, "cudaErrorMemoryAllocation") != nullptr);
    EXPECT(engine->describe(0, &after, message) == GLD_OK && after.free_bytes >= before.free_bytes);
    EXPECT(run(stream, small) == expected);
  }
  engine->close(stream);
  void* memory = nullptr;
  EXPECT(engine->allocate(0, std::size_t{1} << 40, &memory, message) == GLD_OUT_OF_MEMORY && memory == nullptr);
}

}  // namespace

int main(int count, char** arguments) {
  if (count < 2) return std::printf("streams <device engine>\n"), 1;
  engine = engines::load(arguments[1]);
  if (std::getenv("GLD_EMULATED_MEMORY") != nullptr) {
    check_memory();
  } else {
    check_unsupported();
    check_refusals();
    check_cancelling();
    check_what_is_kept();
    check_large_inputs();
  }
  std::printf("ok\n");
  return 0;
}
