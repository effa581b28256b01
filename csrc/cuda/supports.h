// What the CUDA engine does not compute, whatever devices there are.
#pragma once

#include <cstdint>
#include <string>
#include <tuple>

#include "../shared/call_check.h"

namespace gld::cuda {

// A row's classes are counted in 32 bits; everything else in 64.
constexpr std::int64_t kMostClasses = std::int64_t{1} << 30;

inline std::int32_t supports(const gld_call* call, gld_stage stage, std::int32_t device, gld_refusal* refusal) {
  const std::string here = " on cuda:" + std::to_string(device);
  const auto only_on_cpu = [&](const char* argument, const char* expected, const char* received) {
    return refuse(refusal, GLD_REFUSED_AT_PLACE, argument, expected + here + ", unlike on the CPU", received);
  };
  const auto no_float64 = [&](const char* argument, const char* expected) {
    return refuse(refusal, GLD_REFUSED_DTYPE, argument, expected + here, "float64, for the CPU only");
  };
  if (call->weights.data != nullptr) return only_on_cpu("weights", "none", "some");
  if (call->class_weights.data != nullptr) return only_on_cpu("classWeights", "none", "some");
  if (call->unlabelled != 0) return only_on_cpu("ignoreIndex", "none", "one");
  if (call->classes > kMostClasses) return only_on_cpu("classes", "at most 2^30", "more");
  for (const auto& [side, features, mask] : {std::tuple(&call->teacher, "teacher.features", "teacher.mask"),
                                             std::tuple(&call->student, "student.features", "student.mask")}) {
    if (side->features.data == nullptr) continue;
    if (call->levels > 1) return only_on_cpu("grid", "one level", "several");
    if (side->depth > 1) return only_on_cpu(features, "a map of one or two axes", "one of three");
    if (side->mask.data != nullptr) return only_on_cpu(mask, "none", "one");
    if (stage == GLD_STAGE_GLD && side->weight.data == nullptr) {
      return only_on_cpu(features, "features or logits", "a map of logits");
    }
  }
  const auto is_float64 = [](const ViewInfo&, const gld_view& view) { return view.dtype == GLD_F64; };
  if (const ViewInfo* wide = find_view(*call, is_float64)) {
    return no_float64(wide->name, "float32, float16 or bfloat16 elements");
  }
  return call->compute == GLD_F64 ? no_float64("compute", "float32") : 1;
}

}  // namespace gld::cuda
