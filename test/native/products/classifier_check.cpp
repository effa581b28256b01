#include "cuda/classifier.h"
#include "cuda/convert.cuh"
#include "support.h"

namespace check {
namespace {

const char* const kPrecisions[] = {"float32", "tf32", "bf16"};
const char* const kTypes[] = {"f32", "f64", "f16", "bf16"};

// A matrix of any element type and strides in device memory of its own.
class Strided {
 public:
  Strided(Index rows, Index columns, std::int32_t dtype, bool columns_first, Index padding)
      : rows_(rows), columns_(columns), dtype_(dtype) {
    row_ = columns_first ? 1 : columns + padding;
    column_ = columns_first ? rows + padding : 1;
    count_ = (rows - 1) * row_ + (columns - 1) * column_ + 1;
    memory_ = std::make_unique<DeviceMemory>();
    memory_->grow(static_cast<std::size_t>(count_ * gld::bytes_of(dtype)));
  }
  gld_view view() const { return {memory_->data(), dtype_, GLD_DEVICE, {row_, column_, 0, 0}}; }

  // Writes the values as this type holds them, into `values` too.
  void write(Values& values, Stream stream) const {
    std::vector<unsigned char> host(static_cast<std::size_t>(count_ * gld::bytes_of(dtype_)));
    const gld_view there{host.data(), dtype_, GLD_HOST, {}};
    for (Index r = 0; r < rows_; ++r) {
      for (Index c = 0; c < columns_; ++c) {
        visit(gld::moved(there, r * row_ + c * column_), [&](auto* element) {
          *element = from_float<std::remove_pointer_t<decltype(element)>>(static_cast<float>(values.at(r, c)));
          values.at(r, c) = static_cast<double>(to_float(*element));
        });
      }
    }
    copy_to_device(stream, memory_->data(), host.data(), host.size());
    GLD_CUDA_CHECK(cudaStreamSynchronize(stream));
  }
  Values read(Stream stream) const {
    std::vector<unsigned char> host(static_cast<std::size_t>(count_ * gld::bytes_of(dtype_)));
    copy_to_host(stream, host.data(), memory_->data(), host.size());
    GLD_CUDA_CHECK(cudaStreamSynchronize(stream));
    Values values(rows_, columns_);
    const gld_view there{host.data(), dtype_, GLD_HOST, {}};
    for (Index r = 0; r < rows_; ++r) {
      for (Index c = 0; c < columns_; ++c) {
        visit(gld::moved(there, r * row_ + c * column_),
              [&](const auto* element) { values.at(r, c) = static_cast<double>(to_float(*element)); });
      }
    }
    return values;
  }

 private:
  Index rows_, columns_;
  std::int32_t dtype_;
  Index row_ = 0, column_ = 0, count_ = 0;
  std::unique_ptr<DeviceMemory> memory_;
};

void check(Stage& stage, Index rows, Index channels, Index classes, std::int32_t dtype, bool classes_last,
           Index padding, bool biased) {
  const Values pooled = normal(rows, channels);
  const Values grad_logits = normal(rows, classes);
  Values weight = normal(classes, channels);
  Values bias = normal(classes, 1);
  const OnTheDevice pooled_there(pooled, stage.stream());
  const OnTheDevice grad_logits_there(grad_logits, stage.stream());
  const OnTheDevice logits_there(rows, classes);
  const OnTheDevice grad_pooled_there(rows, channels);
  const Strided weight_there(classes, channels, dtype, classes_last, padding);
  const Strided bias_there(classes, 1, dtype, false, padding);
  const Strided grad_weight_there(classes, channels, dtype, classes_last, 0);
  const Strided grad_bias_there(classes, 1, dtype, false, 0);
  weight_there.write(weight, stage.stream());
  bias_there.write(bias, stage.stream());
  const Classifier classifier = stage.plan([&](Arena& arena) {
    Classifier of(rows, channels, classes, weight_there.view(), biased ? bias_there.view() : gld_view{}, arena);
    of.plan_backward_weight(grad_weight_there.view(), arena);
    of.plan_backward_pooled(arena);
    of.plan_backward_bias(arena);
    return of;
  });
  const Launch& to = stage.launch();
  classifier.load(to);
  classifier.forward(to, pooled_there.matrix(), logits_there.matrix());
  classifier.backward_weight(to, pooled_there.matrix(), grad_logits_there.matrix(), grad_weight_there.view());
  classifier.backward_pooled(to, grad_logits_there.matrix(), grad_pooled_there.matrix());
  classifier.backward_bias(to, grad_logits_there.matrix(), grad_bias_there.view());

  Values logits = product(pooled, transposed(weight));
  Values grad_bias(classes, 1);
  for (Index r = 0; r < rows; ++r) {
    for (Index k = 0; k < classes; ++k) {
      if (biased) logits.at(r, k) += bias.at(k, 0);
      grad_bias.at(k, 0) += grad_logits.at(r, k);
    }
  }
  const std::string what = std::string("classifier ") + kPrecisions[to.precision] + " " + kTypes[dtype] + " rows " +
                           std::to_string(rows) + " channels " + std::to_string(channels) + " classes " +
                           std::to_string(classes) + (classes_last ? " CK" : " KC") + " padding " +
                           std::to_string(padding);
  const double of_product = 2 * unit(to.precision, stage.tensor_cores());
  const double of_type = dtype == GLD_F16 ? 0x1p-11 : dtype == GLD_BF16 ? 0x1p-8 : 0x1p-23;
  const Values grad_weight = product(transposed(grad_logits), pooled);
  const Values grad_pooled = product(grad_logits, weight);
  expect(what + " logits", relative_norm(logits_there.read(stage.stream()), logits), of_product);
  expect(what + " grad weight", relative_norm(grad_weight_there.read(stage.stream()), grad_weight),
         of_product + of_type);
  expect(what + " grad pooled", relative_norm(grad_pooled_there.read(stage.stream()), grad_pooled), of_product);
  expect(what + " grad bias", relative_norm(grad_bias_there.read(stage.stream()), grad_bias), 1e-6 + of_type);
}

}  // namespace

void classifier_checks() {
  for (const std::int32_t precision : {GLD_PRECISION_FLOAT32, GLD_PRECISION_TF32, GLD_PRECISION_BF16}) {
    Stage stage(precision);
    for (const bool classes_last : {false, true}) {
      for (const std::int32_t dtype : {GLD_F32, GLD_F16, GLD_BF16}) {
        check(stage, 33, 20, 65, dtype, classes_last, 0, true);
        check(stage, 5, 31, 3, dtype, classes_last, dtype == GLD_F32 ? 1 : 0, false);
      }
      check(stage, 70, 64, 8, GLD_F32, classes_last, 4, true);
      check(stage, 1, 1, 2, GLD_F32, classes_last, 0, true);
      check(stage, 300, 9, 130, GLD_F32, classes_last, 3, true);
    }
  }
}

}  // namespace check
