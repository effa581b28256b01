/** The CPU engine's stages against the reference. test/conformance/levels runs what is in these folders on every level. */
import t from 'tap';
import { conform } from '../../suite.js';

await conform(t, 'cpu', { groups: ['stages'] });
