# What node-gyp compiles where no prebuilt binary fits the machine: all of binding.gyp, whose folder the paths are relative to.
# CPU engines only. Sources, flags and levels come from csrc/sources.json, as in CMakeLists.txt.
{
  'variables': {
    'sources_of': "node -p \"const s = require('./csrc/sources.json'); const list = (a) => a.join(' ');",
    'eigen_include': '<!(node csrc/find-eigen.cjs)',
  },
  'target_defaults': {
    'product_dir': '<(PRODUCT_DIR)',
    'include_dirs': ['csrc'],
    'defines': ['NDEBUG'],
    'cflags!': ['-Wno-unused-parameter'],
    'cflags_cc!': ['-fno-rtti', '-fno-exceptions', '-std=gnu++17', '-std=gnu++20'],
    'cflags_cc': [
      '-std=c++17', '-fvisibility=hidden', '-fvisibility-inlines-hidden',
      '-isystem', '<(eigen_include)',
      '<!@(<(sources_of) list(s.compile)")',
      '<!@(<(sources_of) list(s.warnings)")',
    ],
    'ldflags': ['<!@(<(sources_of) list(s.link)")', '-static-libstdc++'],
    'libraries': ['-pthread', '-ldl'],
  },
  'targets': [
    {
      'target_name': 'gld_loss',
      'type': 'loadable_module',
      'sources': ['<!@(<(sources_of) list(s.addon)")'],
      'include_dirs': ["<!(node -p \"require('node-addon-api').include_dir\")"],
      'defines': [
        "GLD_VERSION=\"<!(node -p \"require('./package.json').version\")\"",
        "NAPI_VERSION=<!(node -p \"require('./package.json').binary.napi_versions[0]\")",
        'NODE_ADDON_API_CPP_EXCEPTIONS_ALL',
        'NODE_ADDON_API_DISABLE_DEPRECATED',
        'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
      ],
    },
  ],
  'conditions': [
    ['OS!="linux" or target_arch not in ("x64", "arm64")', {
      'variables': {'unsupported': '<!(node -e "console.error(\'gld-loss: only Linux on x64 and arm64 is supported\'); process.exit(1)")'},
    }],
    ['target_arch=="x64"', {
      'targets': [
        {
          'target_name': 'gld_cpu_x86_64_v2',
          'includes': ['engine.gypi'],
          'defines': ['GLD_LEVEL=x86_64_v2', 'GLD_LEVEL_NAME="x86-64-v2"'],
          'cflags_cc': ['<!@(<(sources_of) list(s.levels.x64.x86_64_v2)")'],
        },
        {
          'target_name': 'gld_cpu_x86_64_v3',
          'includes': ['engine.gypi'],
          'defines': ['GLD_LEVEL=x86_64_v3', 'GLD_LEVEL_NAME="x86-64-v3"'],
          'cflags_cc': ['<!@(<(sources_of) list(s.levels.x64.x86_64_v3)")'],
        },
        {
          'target_name': 'gld_cpu_x86_64_v4',
          'includes': ['engine.gypi'],
          'defines': ['GLD_LEVEL=x86_64_v4', 'GLD_LEVEL_NAME="x86-64-v4"'],
          'cflags_cc': ['<!@(<(sources_of) list(s.levels.x64.x86_64_v4)")'],
        },
      ],
    }],
    ['target_arch=="arm64"', {
      'targets': [
        {
          'target_name': 'gld_cpu_neon',
          'includes': ['engine.gypi'],
          'defines': ['GLD_LEVEL=neon', 'GLD_LEVEL_NAME="neon"'],
          'cflags_cc': ['<!@(<(sources_of) list(s.levels.arm64.neon)")'],
        },
      ],
    }],
  ],
}
