#include "device.h"

#include <algorithm>
#include <string>

#include "engines.h"

namespace gld {

const gld_device_engine& opened_device_engine() {
  std::string reason;
  return *device_engine(&reason);
}

std::shared_ptr<DeviceBlock> DeviceBlock::allocate(std::int32_t device, std::size_t bytes, gld_status* status,
                                                   char* message) {
  void* data = nullptr;
  *status = opened_device_engine().allocate(device, bytes, &data, message);
  if (*status != GLD_OK) return nullptr;
  return std::shared_ptr<DeviceBlock>(new DeviceBlock(device, bytes, data, true));
}

std::shared_ptr<DeviceBlock> DeviceBlock::borrow(std::int32_t device, std::size_t bytes, void* data) {
  return std::shared_ptr<DeviceBlock>(new DeviceBlock(device, bytes, data, false));
}

DeviceBlock::~DeviceBlock() {
  if (!owned_) return;
  // Nobody is left to tell about an error; one that concerns the whole device comes again in the next call.
  char message[GLD_MESSAGE_BYTES] = {};
  opened_device_engine().release(device_, data_, message);
}

gld_status Stream::open(std::int32_t device, char* message) {
  close();
  device_ = device;
  return opened_device_engine().open(device, &handle_, message);
}

void Stream::close() {
  if (handle_ != nullptr) opened_device_engine().close(std::exchange(handle_, nullptr));
}

Stream StreamPool::take(std::int32_t device) {
  const auto last =
      std::find_if(idle_.rbegin(), idle_.rend(), [&](const Stream& one) { return one.device() == device; });
  if (last == idle_.rend()) return {};
  Stream stream = std::move(*last);
  idle_.erase(std::next(last).base());
  return stream;
}

void StreamPool::put(Stream stream) {
  if (!stream) return;
  std::size_t held = stream.bytes();
  for (const Stream& one : idle_) held += one.device() == stream.device() ? one.bytes() : 0;
  if (held <= most_) idle_.push_back(std::move(stream));
}

bool StreamPool::drop(std::int32_t device) {
  const auto of_device = [&](const Stream& one) { return one.device() == device; };
  const auto first = std::remove_if(idle_.begin(), idle_.end(), of_device);
  const bool any = first != idle_.end();
  idle_.erase(first, idle_.end());
  return any;
}

std::size_t StreamPool::bytes() const {
  std::size_t sum = 0;
  for (const Stream& one : idle_) sum += one.bytes();
  return sum;
}

}  // namespace gld
