// Prints the folder that holds Eigen's headers, for binding.gypi. Set EIGEN3_INCLUDE_DIR when it is in none of the usual places.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const named = process.env.EIGEN3_INCLUDE_DIR;
const candidates = named ? [named] : ['/usr/include/eigen3', '/usr/local/include/eigen3'];
const found = candidates.find((folder) => existsSync(join(folder, 'Eigen/Core')));
if (!found) {
  console.error(
    `gld-loss: Eigen 3.4 was not found in ${candidates.join(' or ')}. On Debian and Ubuntu: apt-get install libeigen3-dev. ` +
      'Elsewhere, set EIGEN3_INCLUDE_DIR to the folder that holds Eigen/.',
  );
  process.exit(1);
}
console.log(found);
