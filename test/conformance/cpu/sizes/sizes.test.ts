/** The CPU engine against the reference at sizes around the borders of vectors and tiles. */
import t from 'tap';
import { conform } from '../../suite.js';

await conform(t, 'cpu', { groups: ['sizes'] });
