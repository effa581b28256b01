// The one door between the addon and an engine: a small, versioned C ABI of sizes and pointers. It knows neither Node
// nor CUDA.
//
// An engine is a shared library that exports gld_engine_query(). It has places to compute on: the host's one, or
// devices with memory of their own. One gld_call describes any stage: it carries the sizes, the options and a strided
// view of every buffer; each stage reads and writes the views named in its comment. What a call consists of says
// call.def. Layouts (NCHW or NHWC features, KC or CK weights) and slices are nothing but strides here; a map of one or
// two axes is one of three whose first have size 1.
#ifndef GLD_ENGINE_H
#define GLD_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Raised whenever what follows changes in a way that call.def does not show; an engine of another version is refused.
#define GLD_ENGINE_ABI 6

enum {
#define GLD_LIMIT(id, name, value) id = (value),
#include "call.def"
};

typedef enum gld_status {
  GLD_OK = 0,
  GLD_CANCELLED = 1,    // the stop flag was seen; outputs are unspecified
  GLD_INVALID = 2,      // the call contradicts itself; the message says how
  GLD_LABEL_RANGE = 3,  // a label outside [0, classes); the message names it
  GLD_OUT_OF_MEMORY = 4,
  GLD_TOO_LARGE = 5,  // sizes whose products leave 64-bit arithmetic
  GLD_FAILED = 6,
  GLD_UNAVAILABLE = 7,  // no such place, or no driver; the message says which
  GLD_UNSUPPORTED = 8   // the engine does not compute this call; supports() says why
} gld_status;

// gld_stage, gld_dtype, gld_normalization, gld_method, gld_metric and gld_precision; the number of words of each is the
// constant gld_stage_count, and so on.
#define GLD_ENUM(type, name) typedef enum type {
#define GLD_WORD(id, word) id,
#define GLD_ENUM_END(type) \
  type##_count             \
  }                        \
  type;
#include "call.def"

typedef enum gld_memory { GLD_HOST = 0, GLD_DEVICE = 1 } gld_memory;

// A strided view; strides are in elements, in the logical axis order given at each use. data == NULL: not there.
// data points at the element whose indices are all zero, strides may be zero or negative.
typedef struct gld_view {
  void* data;
  int32_t dtype;
  int32_t memory;  // gld_memory; GLD_DEVICE: an address on the device that the call runs on
  int64_t stride[GLD_AXES];
} gld_view;

typedef struct gld_side {
#define GLD_SIDE_NUMBER(type, member, name) type member;
#define GLD_SIDE_INPUT(member, name, axes, types) gld_view member;
#include "call.def"
} gld_side;

typedef struct gld_call {
  gld_side teacher, student;
#define GLD_SIDE_NUMBER(type, member, name)
#define GLD_SIDE_INPUT(member, name, axes, types)
#define GLD_GRID(type, member, name, levels, axes) type member[levels][axes];
#define GLD_EACH_NUMBER(id, type, path, name) type path;
#define GLD_EACH_VIEW(id, path, name, axes, other, types, kind) gld_view path;
#include "call.def"
} gld_call;

typedef struct gld_result {
#define GLD_RESULT(type, member, name) type member;
#include "call.def"
} gld_result;

// What the caller lends to an engine for one call. Tasks are numbered; which thread runs which one is the executor's
// business, so an engine must not let results depend on it. slot < threads tells concurrent tasks apart.
typedef void (*gld_task)(void* closure, int64_t task, int32_t slot);
typedef struct gld_executor {
  void* self;
  int32_t threads;
  void (*parallel)(void* self, int64_t tasks, gld_task run,
                   void* closure);  // returns when all tasks are done or skipped
  int32_t (*stopped)(void* self);   // non-zero: the call was cancelled
} gld_executor;

#define GLD_MESSAGE_BYTES 256

// Why an engine does not compute a call, for people: "<argument>: expected <expected>, got <received>".
typedef enum gld_refusal_kind {
  GLD_REFUSED_AT_PLACE = 0,  // other engines compute it
  GLD_REFUSED_DTYPE = 1,
  GLD_REFUSED_OPTION = 2
} gld_refusal_kind;
typedef struct gld_refusal {
  int32_t kind;
  char argument[32];  // a view's or an option's name in JavaScript
  char expected[128], received[64];
} gld_refusal;

typedef struct gld_device {
  char name[128];
  int32_t major, minor;     // compute capability
  int32_t driver, runtime;  // CUDA versions, 1000 * major + 10 * minor
  uint64_t memory_bytes, free_bytes;
} gld_device;

// Where calls of one place run, one at a time, with what is kept between them: workspace, and on a device staging
// memory and captured work. Different streams are independent.
typedef struct gld_stream gld_stream;
// Called once per accepted submit, on a thread of the driver; must not call the engine.
typedef void (*gld_done)(void* closure);

typedef struct gld_engine {
  int32_t abi;
  uint64_t call_hash;  // of call.def, by shared/call_hash.h
  const char* name;    // "cpu", "cuda"
  const char* level;   // of instructions: "x86-64-v3", "neon"; empty on devices
  // Not 0: submit() returns when the call is computed, with its status. It asks the executor whether to stop, and needs
  // no cancel(). It may be called on any thread, and done is not called.
  int32_t blocking;

  gld_status (*count)(int32_t* places, char* message);  // GLD_UNAVAILABLE: there is none, and why

  // Devices and their memory; null in an engine that computes in the host's.
  gld_status (*describe)(int32_t place, gld_device* out, char* message);
  gld_status (*allocate)(int32_t place, size_t bytes, void** memory, char* message);
  gld_status (*release)(int32_t place, void* memory, char* message);
  gld_status (*copy)(int32_t place, void* to, gld_memory to_memory, const void* from, gld_memory from_memory,
                     size_t bytes, char* message);
  // GLD_INVALID unless [memory, memory + bytes) lies in one allocation at that place.
  gld_status (*check)(int32_t place, const void* memory, size_t bytes, char* message);

  // Whether it computes such a call there; if not, why. Asked of any call, sound or not, and of places that are not
  // there too.
  int32_t (*supports)(const gld_call* call, gld_stage stage, int32_t place, gld_refusal* refusal);

  gld_status (*open)(int32_t place, gld_stream** stream, char* message);
  void (*close)(gld_stream* stream);          // waits for what was submitted
  size_t (*bytes)(const gld_stream* stream);  // of memory that it holds
  // Queues a call and returns; inputs in host memory have been read when it does. Of a refused call nothing runs, and
  // done is not called. done may be null, for callers who go straight on to finish(). The executor is lent until this
  // returns.
  gld_status (*submit)(gld_stream* stream, const gld_call* call, gld_stage stage, const gld_executor* executor,
                       gld_done done, void* closure, char* message);
  // Waits for the submitted call, then writes its outputs in host memory and its result.
  gld_status (*finish)(gld_stream* stream, gld_result* result, char* message);
  void (*cancel)(gld_stream* stream);  // from any thread; what has not begun is skipped, finish() says GLD_CANCELLED
} gld_engine;

// The only exported symbol of an engine's library.
typedef const gld_engine* (*gld_engine_query_fn)(void);

#ifdef __cplusplus
}
#endif
#endif
