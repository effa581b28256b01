/** What tells one CIFAR set from the other. Formats: https://www.cs.toronto.edu/~kriz/cifar.html */
export interface CifarFormat {
  name: 'cifar10' | 'cifar100';
  folder: string;
  train: readonly string[];
  test: readonly string[];
  trainSize: number;
  testSize: number;
  /** Number of values of each label byte in front of the pixels; the last one is the label that is used. */
  labelRanges: readonly number[];
  namesFile: string;
  archive: string;
  mean: readonly number[];
  deviation: readonly number[];
}

export const cifarFormats: Record<'cifar10' | 'cifar100', CifarFormat> = {
  cifar10: {
    name: 'cifar10',
    folder: 'cifar-10-batches-bin',
    train: [1, 2, 3, 4, 5].map((i) => `data_batch_${i}.bin`),
    test: ['test_batch.bin'],
    trainSize: 50_000,
    testSize: 10_000,
    labelRanges: [10],
    namesFile: 'batches.meta.txt',
    archive: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    // Mean and standard deviation of each channel over all pixels of the 50,000 training images, as in PyTorch's
    // CIFAR-10 tutorial.
    mean: [0.4914, 0.4822, 0.4465],
    deviation: [0.247, 0.2435, 0.2616],
  },
  cifar100: {
    name: 'cifar100',
    folder: 'cifar-100-binary',
    train: ['train.bin'],
    test: ['test.bin'],
    trainSize: 50_000,
    testSize: 10_000,
    labelRanges: [20, 100],
    namesFile: 'fine_label_names.txt',
    archive: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    // The constants of the code that the GLD paper's authors released.
    mean: [0.4814, 0.4822, 0.4465],
    deviation: [0.2023, 0.1994, 0.201],
  },
};

/** Side of a CIFAR image in pixels. */
export const cifarSide = 32;
