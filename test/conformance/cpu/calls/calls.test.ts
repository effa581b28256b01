/** Whole losses of the CPU engine against the reference: options, hostile inputs, repetitions, wrong calls. */
import t from 'tap';
import { conform } from '../../suite.js';

await conform(t, 'cpu', { groups: ['options', 'hostile', 'repeat', 'calls'] });
