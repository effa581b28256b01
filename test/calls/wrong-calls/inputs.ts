/** Right inputs, and ways to change them into wrong ones. */
export type Loose = { [name: string]: any };

/** A dense float32 tensor. */
export function tensor(...shape: number[]): Loose {
  return { data: new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5), shape };
}

export function detached<T extends Float32Array | Int32Array>(array: T): T {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

/** Right inputs: n 4, K 10; the teacher 8 channels on 4 x 6, the student 6 channels on 8 x 8. */
export function right(): { teacher: any; student: any; labels: any } {
  return {
    teacher: { features: tensor(4, 8, 4, 6), weight: tensor(10, 8), bias: tensor(10) },
    student: { features: tensor(4, 6, 8, 8), weight: tensor(10, 6), bias: tensor(10) },
    labels: [0, 1, 2, 9],
  };
}

/** Right inputs, changed. */
export function inputs(change: (inputs: ReturnType<typeof right>) => void): unknown {
  const changed = right();
  change(changed);
  return changed;
}

/** Right inputs but for these of the student's properties; of its features' properties; the labels. */
export const student = (change: Loose): unknown => inputs((of) => Object.assign(of.student, change));
export const features = (change: Loose): unknown => inputs((of) => Object.assign(of.student.features, change));
export const labels = (value: unknown): unknown => inputs((of) => (of.labels = value));

/** Right inputs but for the student, which is its logits. */
export function logits(rows: number, classes: number): unknown {
  return inputs((of) => (of.student = { logits: tensor(4, rows, classes) }));
}
