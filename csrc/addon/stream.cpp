#include "stream.h"

#include <algorithm>

#include "engines.h"

namespace gld {

gld_status Stream::open(const Place& place, char* message) {
  close();
  place_ = place;
  return place.engine->open(place.index, &handle_, message);
}

void Stream::close() {
  if (handle_ != nullptr) place_.engine->close(std::exchange(handle_, nullptr));
}

Stream IdleStreams::take(const Place& place) {
  const auto last = std::find_if(idle_.rbegin(), idle_.rend(), [&](const Stream& one) { return one.place() == place; });
  if (last == idle_.rend()) return {};
  Stream stream = std::move(*last);
  idle_.erase(std::next(last).base());
  return stream;
}

void IdleStreams::put(Stream stream) {
  if (!stream) return;
  std::size_t held = stream.bytes();
  for (const Stream& one : idle_) held += one.place() == stream.place() ? one.bytes() : 0;
  if (held <= (is_host(*stream.place().engine) ? most_on_host_ : most_on_device_)) idle_.push_back(std::move(stream));
}

bool IdleStreams::drop(const Place& place) {
  const auto first =
      std::remove_if(idle_.begin(), idle_.end(), [&](const Stream& one) { return one.place() == place; });
  const bool any = first != idle_.end();
  idle_.erase(first, idle_.end());
  return any;
}

std::size_t IdleStreams::bytes() const {
  std::size_t sum = 0;
  for (const Stream& one : idle_) sum += one.bytes();
  return sum;
}

}  // namespace gld
