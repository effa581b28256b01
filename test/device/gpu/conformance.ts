/**
 * What every engine is held to, on the stand-in: between its engine and JavaScript nothing is lost either. On a GPU
 * test/conformance/cuda asks for it, and for more.
 */
import t from 'tap';
import { conform } from '../../conformance/suite.js';
import { isStandIn } from './support.js';

if (isStandIn) await conform(t, 'cuda', { quick: true, groups: ['stages', 'options'] });
else t.pass('a GPU: test/conformance/cuda', { skip: true });
