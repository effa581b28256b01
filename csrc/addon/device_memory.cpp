#include "device_memory.h"

#include <cstdio>
#include <string>

#include "engines.h"
#include "errors.h"

namespace gld {
namespace {

// The bytes of a typed array, which must be as many.
void* bytes_of(Napi::Value value, std::size_t bytes) {
  const Napi::Env env = value.Env();
  if (!value.IsTypedArray()) {
    throw make_error(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", "data", "a typed array", "another value");
  }
  const auto array = value.As<Napi::TypedArray>();
  if (array.ByteLength() != bytes) {
    throw make_error(env, ErrorClass::kRange, "ERR_GLD_SHORT", "data", std::to_string(bytes) + " bytes",
                     std::to_string(array.ByteLength()));
  }
  void* data = nullptr;
  napi_get_typedarray_info(env, value, nullptr, nullptr, &data, nullptr, nullptr);
  return data;
}

// The number that the argument is, or -1.
double number_of(Napi::Value value) { return value.IsNumber() ? value.As<Napi::Number>().DoubleValue() : -1; }

}  // namespace

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

Napi::Function DeviceMemory::define(Napi::Env env) {
  return DefineClass(
      env, "DeviceMemory",
      {InstanceAccessor<&DeviceMemory::pointer>("pointer"), InstanceMethod<&DeviceMemory::write>("write"),
       InstanceMethod<&DeviceMemory::read>("read"), InstanceMethod<&DeviceMemory::dispose>("dispose")});
}

DeviceMemory::DeviceMemory(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DeviceMemory>(info) {
  const Napi::Env env = info.Env();
  const double device = number_of(info[0]);
  const double bytes = number_of(info[1]);
  if (!(device >= 0 && device < device_count()) || !(bytes >= 1 && bytes < 0x1p63)) {
    throw make_error(env, ErrorClass::kRange, "ERR_GLD_DEVICE", "device", "a device and a number of bytes", "others");
  }
  char message[GLD_MESSAGE_BYTES] = {};
  const auto index = static_cast<std::int32_t>(device);
  const auto size = static_cast<std::size_t>(bytes);
  gld_status status = GLD_OK;
  if (info[2].IsBigInt()) {
    bool lossless = false;
    void* data =
        reinterpret_cast<void*>(static_cast<std::uintptr_t>(info[2].As<Napi::BigInt>().Uint64Value(&lossless)));
    status = lossless ? opened_device_engine().check(index, data, size, message) : GLD_INVALID;
    if (!lossless) std::snprintf(message, sizeof message, "an address beyond 64 bits");
    if (status == GLD_INVALID) {
      throw make_error(env, ErrorClass::kRange, "ERR_GLD_DEVICE", info[3].ToString().Utf8Value(),
                       std::to_string(size) + " bytes of one allocation on cuda:" + std::to_string(index), message);
    }
    block_ = DeviceBlock::borrow(index, size, data);
  } else {
    block_ = DeviceBlock::allocate(index, size, &status, message);
  }
  if (status != GLD_OK) throw status_error(env, status, message, index);
  info.This().As<Napi::Object>().TypeTag(&kTag);
  if (block_->owned()) Napi::MemoryManagement::AdjustExternalMemory(env, static_cast<std::int64_t>(size));
}

std::shared_ptr<DeviceBlock> DeviceMemory::block_of(Napi::Value value, const char* argument) {
  const Napi::Env env = value.Env();
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) {
    throw make_error(env, ErrorClass::kType, "ERR_GLD_ARG_TYPE", argument, "a DeviceMemory", "another value");
  }
  auto block = Unwrap(value.As<Napi::Object>())->block_;
  if (block == nullptr) {
    throw make_error(env, ErrorClass::kType, "ERR_GLD_DISPOSED", argument, "a tensor in use", "one that was disposed");
  }
  return block;
}

Napi::Value DeviceMemory::pointer(const Napi::CallbackInfo& info) {
  const auto block = block_of(info.This(), "ptr");
  return Napi::BigInt::New(info.Env(), static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(block->data())));
}

void DeviceMemory::write(const Napi::CallbackInfo& info) {
  const auto block = block_of(info.This(), "data");
  const void* from = bytes_of(info[0], block->bytes());
  char message[GLD_MESSAGE_BYTES] = {};
  const gld_status status =
      opened_device_engine().copy(block->device(), block->data(), GLD_DEVICE, from, GLD_HOST, block->bytes(), message);
  if (status != GLD_OK) throw status_error(info.Env(), status, message, block->device());
}

void DeviceMemory::read(const Napi::CallbackInfo& info) {
  const auto block = block_of(info.This(), "data");
  void* to = bytes_of(info[0], block->bytes());
  char message[GLD_MESSAGE_BYTES] = {};
  const gld_status status =
      opened_device_engine().copy(block->device(), to, GLD_HOST, block->data(), GLD_DEVICE, block->bytes(), message);
  if (status != GLD_OK) throw status_error(info.Env(), status, message, block->device());
}

void DeviceMemory::dispose(const Napi::CallbackInfo& info) { let_go(info.Env()); }

// A call that uses the memory keeps it until it is done.
void DeviceMemory::let_go(Napi::Env env) {
  if (block_ == nullptr) return;
  if (block_->owned()) Napi::MemoryManagement::AdjustExternalMemory(env, -static_cast<std::int64_t>(block_->bytes()));
  block_.reset();
}

}  // namespace gld
