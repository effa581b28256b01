// Calls that run on a device: submitted from the JavaScript thread, which then waits, or is told by the driver when the
// call is done. No other thread waits.
#pragma once

#include <napi.h>

#include <memory>

#include "call.h"
#include "device.h"
#include "job.h"
#include "workspace.h"

namespace gld {

// A call with the stream that it runs on: the Workspace's own, which has captured the work of its last shapes, or one
// of the environment's for calls without a Workspace.
class DeviceCall {
 public:
  DeviceCall(DecodedCall&& decoded, Workspace* workspace, std::shared_ptr<StreamPool> pool);

  // Where memory is short, streams that wait for calls are closed, and submit() tries once more.
  gld_status submit(gld_done done, void* closure, char* message);
  gld_status finish(gld_result* result, char* message);
  void cancel();
  void end(Napi::Env env);  // also of a call that was not finished

  std::int32_t device() const { return decoded_.device; }

 private:
  gld_status try_submit(gld_done done, void* closure, char* message);

  DecodedCall decoded_;
  Workspace* workspace_;
  std::shared_ptr<StreamPool> pool_;
  Stream stream_;
  bool sound_ = false;  // the stream can serve again
};

class DeviceJob : public Job {
 public:
  DeviceJob(std::shared_ptr<Jobs> jobs, DeviceCall call) : Job(std::move(jobs)), call_(std::move(call)) {}

 private:
  std::int32_t device() const override { return call_.device(); }
  gld_status start(char* message) override;
  gld_status finish(gld_result* result, char* message) override { return call_.finish(result, message); }
  void stop() override { call_.cancel(); }
  void let_go(Napi::Env env) override;

  DeviceCall call_;
};

}  // namespace gld
