// The one door between the addon and an engine: a small, versioned C ABI of sizes and pointers. It knows neither Node
// nor CUDA.
//
// An engine is a shared library that exports gld_engine_query(). It has places to compute on: the host's one, or
// devices with memory of their own. One gld_call describes any stage: it carries the sizes, the options and a strided
// view of every buffer; each stage reads and writes the views named in its comment below. Layouts (NCHW or NHWC
// features, KC or CK weights) and slices are nothing but strides here; a map of one or two axes is one of three whose
// first have size 1.
#ifndef GLD_ENGINE_H
#define GLD_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Raised whenever a struct of this file changes; an engine of another version is refused.
#define GLD_ENGINE_ABI 5

#define GLD_MAX_LEVELS 8   // of a pyramid of grids
#define GLD_NO_LABEL (-1)  // of a sample that has none, in a call with unlabelled samples

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

typedef enum gld_stage {
  // Outputs whose view is absent are not computed. Except for the logits of the classifier and the pooled rows of the
  // pool, an output is the gradient of the loss, or of <upstream, result>, with respect to the input of that name.
  GLD_STAGE_POOL = 0,  // student.features, .mask -> out_pooled; upstream -> out_features
  GLD_STAGE_CLASSIFIER =
      1,  // in_pooled, student.weight, .bias -> out_logits; upstream -> out_pooled, out_weight, out_bias
  GLD_STAGE_CROSS_ENTROPY =
      2,  // student.logits (row 0 of each sample), labels or soft_labels, weights -> loss, out_logits
  GLD_STAGE_NORMALIZED_KD = 3,  // teacher.logits, student.logits, weights -> loss over all rows, out_logits
  GLD_STAGE_RELATION = 4,       // teacher.logits, student.logits, weights -> loss, out_logits
  GLD_STAGE_GLD = 5,            // both sides, weights -> loss, terms; out_logits, or out_features, out_weight, out_bias
  GLD_STAGE_COUNT = 6
} gld_stage;

typedef enum gld_dtype { GLD_F32 = 0, GLD_F64 = 1, GLD_F16 = 2, GLD_BF16 = 3, GLD_I32 = 4, GLD_U8 = 5 } gld_dtype;
typedef enum gld_normalization { GLD_NORMALIZE_STD = 0, GLD_NORMALIZE_TEMPERATURE = 1 } gld_normalization;
typedef enum gld_method { GLD_METHOD_AUTO = 0, GLD_METHOD_PAIRWISE = 1, GLD_METHOD_MOMENTS = 2 } gld_method;
typedef enum gld_metric { GLD_METRIC_SQEUCLIDEAN = 0, GLD_METRIC_EUCLIDEAN = 1 } gld_metric;
typedef enum gld_memory { GLD_HOST = 0, GLD_DEVICE = 1 } gld_memory;
// Of the inputs of matrix products on a device; sums are float32 always. FLOAT32 is as accurate as float32 products.
typedef enum gld_precision { GLD_PRECISION_FLOAT32 = 0, GLD_PRECISION_TF32 = 1, GLD_PRECISION_BF16 = 2 } gld_precision;

// A strided view; strides are in elements, in the logical axis order given at each use. data == NULL: not there.
// data points at the element whose indices are all zero, strides may be zero or negative.
typedef struct gld_view {
  void* data;
  int32_t dtype;
  int32_t memory;  // gld_memory; GLD_DEVICE: an address on the device that the call runs on
  int64_t stride[5];
} gld_view;

// One network: features with a linear classifier, a map of logits (features without one, whose channels are the
// classes), or logits.
typedef struct gld_side {
  int64_t channels, depth, height, width;
  gld_view features;  // [n, channels, depth, height, width]
  gld_view mask;      // [n, depth, height, width] GLD_U8, optional: 0 where the map's position does not count
  gld_view weight;    // [classes, channels]
  gld_view bias;      // [classes], optional
  gld_view logits;    // [n, rows, classes], row 0 of a sample is the global one
} gld_side;

typedef struct gld_call {
  // sizes: rows logit rows per sample, the global one, then those of the cells of each level; m = n * rows of them in
  // all
  int64_t n, classes, rows;
  int32_t levels;                   // of the pyramid of grids that maps are pooled by, if there are maps
  int64_t grid[GLD_MAX_LEVELS][3];  // the cells of a level over depth, height, width
  gld_side teacher, student;
  gld_view labels;       // [n] int32
  gld_view soft_labels;  // [n, classes]
  gld_view weights;      // [n, rows] GLD_F32 or GLD_F64, optional: how often each row counts, finite and not below 0
  gld_view in_pooled;    // [n, rows, channels] of the student
  gld_view upstream;     // [n, rows, channels] for the pool stage, [n, rows, classes] for the classifier

  int32_t compute;        // GLD_F32 or GLD_F64
  int32_t normalization;  // gld_normalization
  int32_t unbiased;       // standard deviation over classes - 1 instead of classes
  int32_t method, metric;
  int32_t precision;   // gld_precision
  int32_t unlabelled;  // samples whose label is GLD_NO_LABEL have no task term; else that label is out of range
  double alpha, beta, local_weight, temperature;
  double label_smoothing;  // in [0, 1): the share of a target that is spread over all classes
  double relation_rows;    // the relation is 1 / (m * relation_rows) times its sum over all entries; 0 stands for m

  // outputs, GLD_F32 or GLD_F64 (on a device GLD_F32, GLD_F16 or GLD_BF16), each optional: dense, row-major in the
  // order given here, except that features may have their channels last and weights their classes last
  gld_view out_features;  // [n, channels, depth, height, width] of the student
  gld_view out_weight;    // [classes, channels]
  gld_view out_bias;      // [classes]
  gld_view out_logits;    // [n, rows, classes]
  gld_view out_pooled;    // [n, rows, channels]
} gld_call;

// Unweighted terms; loss is the weighted total (or the stage's own loss).
typedef struct gld_result {
  double loss, task, global, local, relation;
  int32_t method;  // the relation method that ran, 0 if none did
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
  const char* name;   // "cpu", "cuda"
  const char* level;  // of instructions: "x86-64-v3", "neon"; empty on devices
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
