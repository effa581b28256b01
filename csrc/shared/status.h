// What engines throw inside, and how it leaves them: as a status and a message.
#pragma once

#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <string>
#include <utility>

#include "../engine.h"

namespace gld {

struct Cancelled {};

// A label that is not in [0, classes). The API refuses it earlier; shared memory may change after that check.
struct LabelOutOfRange {
  std::int64_t sample, label;
};

class Error : public std::exception {
 public:
  Error(gld_status status, std::string text) : status_(status), text_(std::move(text)) {}

  gld_status status() const { return status_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  gld_status status_;
  std::string text_;
};

// message has room for GLD_MESSAGE_BYTES.
template <class F>
gld_status guarded(char* message, F&& run) {
  const auto failed = [&](gld_status status, const char* text) {
    std::snprintf(message, GLD_MESSAGE_BYTES, "%s", text);
    return status;
  };
  try {
    run();
    return GLD_OK;
  } catch (const Cancelled&) {
    return failed(GLD_CANCELLED, "cancelled");
  } catch (const LabelOutOfRange& wrong) {
    std::snprintf(message, GLD_MESSAGE_BYTES, "label %lld of sample %lld", static_cast<long long>(wrong.label),
                  static_cast<long long>(wrong.sample));
    return GLD_LABEL_RANGE;
  } catch (const Error& error) {
    return failed(error.status(), error.what());
  } catch (const std::bad_alloc&) {
    return failed(GLD_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return failed(GLD_FAILED, error.what());
  } catch (...) {
    return failed(GLD_FAILED, "unknown failure");
  }
}

}  // namespace gld
