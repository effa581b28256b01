// One call on its way: a decoded call with the stream that it runs on.
#pragma once

#include <napi.h>

#include <atomic>
#include <memory>

#include "call.h"
#include "stream.h"
#include "workspace.h"

namespace gld {

// The stream is the Workspace's own, which has memory and captured work of its last shapes, or one of the environment's
// for calls without a Workspace. All but attempt() is for the JavaScript thread.
class Submission {
 public:
  Submission(const gld_engine& engine, DecodedCall&& decoded, Workspace* workspace, std::shared_ptr<IdleStreams> idle);

  // Whether submit() computes before it returns; else done is called when the call is computed.
  bool blocking() const { return place_.engine->blocking != 0; }

  // Where memory is short, streams that wait for calls are closed, and it is tried once more.
  gld_status submit(gld_done done, void* closure, char* message);
  // On any thread, where other streams cannot be touched: tries once.
  gld_status attempt(gld_done done, void* closure, char* message);
  gld_status finish(gld_result* result, char* message);
  void cancel();
  void end(Napi::Env env);  // also of a call that was not finished

  // What JavaScript is told of a status that is not GLD_OK.
  Napi::Error error(Napi::Env env, gld_status status, const char* message) const;

 private:
  const Place place_;
  DecodedCall decoded_;
  Workspace* workspace_;
  std::shared_ptr<IdleStreams> idle_;
  Stream stream_;
  bool sound_ = false;  // the stream can serve again
  std::atomic<bool> stop_{false};
};

}  // namespace gld
