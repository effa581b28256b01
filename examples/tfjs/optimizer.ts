/** SGD with momentum and weight decay around tfjs's momentum optimizer, its state open for checkpoints. */
import { tf } from './backend.js';

export interface SgdOptions {
  momentum: number;
  /** Added to every gradient as weightDecay * weight, to all trained variables alike (as torch.optim.SGD does). */
  weightDecay: number;
}

export class Sgd {
  private readonly inner: tf.MomentumOptimizer;

  constructor(
    readonly variables: readonly tf.Variable[],
    private readonly options: SgdOptions,
  ) {
    this.inner = tf.train.momentum(0, options.momentum);
  }

  /** One update with learning rate `rate`; returns the value of `loss`. */
  step(rate: number, loss: () => tf.Scalar): number {
    const { value, grads } = tf.variableGrads(loss, [...this.variables]);
    this.inner.setLearningRate(rate);
    const decayed = this.variables.map((variable) => ({
      name: variable.name,
      tensor: tf.tidy(() => tf.add(grads[variable.name], tf.mul(variable, this.options.weightDecay))),
    }));
    this.inner.applyGradients(decayed);
    const result = value.dataSync()[0];
    tf.dispose([value, grads, decayed.map(({ tensor }) => tensor)] as unknown as tf.TensorContainer);
    return result;
  }

  /** The momentum of every variable that has one, by the variable's name. The tensors stay the optimizer's own. */
  async slots(): Promise<Map<string, tf.Tensor>> {
    const [updates, ...slots] = await this.inner.getWeights();
    updates.tensor.dispose(); // nothing depends on their number
    return new Map(slots.map(({ tensor }, i) => [this.variables[i].name, tensor]));
  }

  /** Puts back what slots() gave; copies the tensors. */
  async restore(slots: Map<string, tf.Tensor>): Promise<void> {
    if (slots.size === 0) return;
    const named = this.variables.map((variable) => {
      const tensor = slots.get(variable.name);
      if (!tensor) throw new Error(`optimizer state: no momentum for ${variable.name}`);
      return { name: `${variable.name}/momentum`, tensor };
    });
    const updates = tf.scalar(0, 'int32');
    await this.inner.setWeights([{ name: 'iter', tensor: updates }, ...named]);
    updates.dispose();
  }

  dispose(): void {
    this.inner.dispose();
  }
}
