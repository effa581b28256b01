// Checks the CUDA engine's products and what is made of them under the emulator, each against float64. Arguments name
// the parts to check (all of them by default). Prints what is wrong; exit code 1 then.
#include <cstring>

#include "support.h"

int main(int count, char** names) {
  const struct {
    const char* name;
    void (*run)();
  } parts[] = {{"product", check::product_checks},
               {"classifier", check::classifier_checks},
               {"centred", check::centred_checks},
               {"relation", check::relation_checks}};
  for (const auto& part : parts) {
    bool wanted = count == 1;
    for (int i = 1; i < count; ++i) wanted = wanted || std::strcmp(names[i], part.name) == 0;
    if (!wanted) continue;
    check::random().seed(7);
    part.run();
  }
  if (check::failures() == 0) std::printf("ok\n");
  return check::failures() == 0 ? 0 : 1;
}
