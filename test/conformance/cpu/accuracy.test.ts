/** The CPU engine against the reference. test/conformance/cpu/levels.test.ts runs it on every other level. */
import t from 'tap';
import { conform } from '../suite.js';

await conform(t, 'cpu');
