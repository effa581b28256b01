/** Worker threads, and every way in which a thread or the process ends while a GPU works. Checked from outside. */
import t from 'tap';
import { checkEnds } from '../../support/ends.js';

checkEnds(
  t,
  new URL('../../support/children/ends.mjs', import.meta.url),
  {
    'pending work keeps the process alive': [0, 'done\n'],
    'an idle stream and tensors do not': [0, 'done\n'],
    'process.exit() with calls under way': [4, ''],
    'an error that nobody catches': [1, '', /Error: on purpose/],
    'process.exit() in an abort listener': [5, ''],
    'workers, many at once': [0, 'done\n'],
    'terminate() while calls are under way': [0, 'done\n'],
    'process.exit() while workers have calls under way': [8, ''],
  },
  { GLD_STAND_IN_DELAY: '300' },
);
