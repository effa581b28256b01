#include "host_call.h"

#include <algorithm>
#include <string>
#include <utility>

#include "executor.h"

namespace gld {

HostCall::HostCall(Napi::Env env, const gld_engine* engine, DecodedCall&& decoded, Workspace* workspace)
    : engine_(engine), decoded_(std::move(decoded)) {
  char message[GLD_MESSAGE_BYTES] = {};
  std::size_t bytes = 0;
  const gld_status status = engine_->workspace(&decoded_.call, decoded_.stage, decoded_.threads, &bytes, message);
  if (status != GLD_OK) throw status_error(env, status, message);

  const bool reserved = workspace != nullptr ? workspace->begin(env, bytes) : own_.reserve(bytes);
  if (!reserved) throw status_error(env, GLD_OUT_OF_MEMORY, (std::to_string(bytes) + " bytes of workspace").c_str());
  workspace_ = workspace;
  const Memory& memory = workspace != nullptr ? workspace->memory() : own_;
  memory_ = memory.data();
  bytes_ = memory.bytes();
}

gld_status HostCall::run(const std::atomic<bool>* stop, gld_result* result, char* message) const {
  const Executor executor(decoded_.threads, stop);
  return engine_->run(&decoded_.call, decoded_.stage, &executor.lent(), memory_, bytes_, result, message);
}

void HostCall::end(Napi::Env env) {
  if (workspace_ != nullptr) workspace_->end(env);
  workspace_ = nullptr;
  own_.release();
}

gld_status HostJob::start(char*) {
  schedule_job([self = std::static_pointer_cast<HostJob>(shared_from_this())] {
    if (!self->enter()) return;
    self->status_ = self->call_.run(&self->stop_, &self->result_, self->message_);
    self->leave();
  });
  return GLD_OK;
}

gld_status HostJob::finish(gld_result* result, char* message) {
  *result = result_;
  std::copy(std::begin(message_), std::end(message_), message);
  return status_;
}

void HostJob::let_go(Napi::Env env) {
  call_.end(env);
  Job::let_go(env);
}

}  // namespace gld
