#include <cmath>

#include "cuda/centred.h"
#include "support.h"

namespace check {

// In double, rounded once: the device's rows differ in the last place at most.
void centred_checks() {
  Stage stage;
  for (const auto& [m, classes, offset, scale] : {std::make_tuple(Index{1}, Index{3}, 5.0, 1.0),
                                                  {3, 33, 1000.0, 1.0},
                                                  {300, 65, -3.0, 1e30},
                                                  {70, 600, 0.0, 1e-30},
                                                  {9000, 2, 1.0, 1.0}}) {
    const Values sides[] = {normal(m, classes, scale, offset * scale), normal(m, classes, 2 * scale, offset * scale)};
    const OnTheDevice there[] = {{sides[0], stage.stream()}, {sides[1], stage.stream()}};
    const OnTheDevice out[] = {{m, classes}, {m, classes}};
    const OnTheDevice squares[] = {{2 * m, 1}, {2 * m, 1}};
    const Centred centred =
        stage.plan([&](Arena& arena) { return Centred(m, classes, there[0].matrix(), there[1].matrix(), arena); });
    centred.fit(stage.launch());
    const Index half = m / 2;
    const auto load = [&](Index first, Index count) {
      Matrix rows[kSides];
      double* of_rows[kSides];
      for (int side = 0; side < kSides; ++side) {
        const Matrix all = out[side].matrix();
        rows[side] = {all.data + first * all.pitch, all.pitch};
        of_rows[side] = reinterpret_cast<double*>(squares[side].matrix().data) + first;
      }
      centred.load(stage.launch(), GLD_PRECISION_FLOAT32, first, count, rows, {of_rows[0], of_rows[1]});
    };
    if (half > 0) load(0, half);
    load(half, m - half);
    double student_scale = 0;
    copy_to_host(stage.stream(), &student_scale, centred.student_scale(), sizeof student_scale);
    GLD_CUDA_CHECK(cudaStreamSynchronize(stage.stream()));
    for (int side = 0; side < kSides; ++side) {
      const Values& rows = sides[side];
      Values expected(m, classes);
      double largest = 0;
      for (Index k = 0; k < classes; ++k) {
        double mean = 0;
        for (Index r = 0; r < m; ++r) {
          mean += (rows.at(r, k) - rows.at(0, k)) / static_cast<double>(m);
          largest = std::fmax(largest, std::fabs(rows.at(r, k) - rows.at(0, k)));
        }
        for (Index r = 0; r < m; ++r) expected.at(r, k) = rows.at(r, k) - rows.at(0, k) - mean;
      }
      int exponent = 0;
      std::frexp(largest, &exponent);
      const double factor = largest > 0 ? std::ldexp(1.0, -exponent) : 1.0;
      for (double& value : expected.data) value *= factor;
      const std::string what =
          "centred " + std::to_string(m) + "x" + std::to_string(classes) + " side " + std::to_string(side);
      const Values result = out[side].read(stage.stream());
      expect(what, relative(result, expected), 0x1p-23);
      if (side == kStudent) expect(what + " scale", std::fabs(student_scale - factor), 0);
      std::vector<double> host(static_cast<std::size_t>(m));
      copy_to_host(stage.stream(), host.data(), squares[side].matrix().data, host.size() * sizeof(double));
      GLD_CUDA_CHECK(cudaStreamSynchronize(stage.stream()));
      Values of_device(m, 1), of_result(m, 1);
      for (Index r = 0; r < m; ++r) {
        of_device.at(r, 0) = host[static_cast<std::size_t>(r)];
        for (Index k = 0; k < classes; ++k) of_result.at(r, 0) += result.at(r, k) * result.at(r, k);
      }
      expect(what + " squares", relative(of_device, of_result), 1e-13);
    }
  }
}

}  // namespace check
