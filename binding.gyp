# For node-gyp in a checkout; in an installed package `npx gld-loss build` writes this file while it builds.
{'includes': ['csrc/binding.gypi']}
