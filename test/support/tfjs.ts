/** TensorFlow.js without the advertisement of another backend that its CPU backend prints when it is first used. */
import * as tf from '@tensorflow/tfjs';

Object.assign(tf.findBackend('cpu'), { firstUse: false });

export { tf };
