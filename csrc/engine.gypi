# What the engine libraries of binding.gypi have in common: the same sources, built into lib<name>.so beside gld_loss.node.
{
  'type': 'loadable_module',
  'product_prefix': 'lib',
  # A condition because node-gyp sets the extension in one, which would win over a plain value.
  'target_conditions': [['1==1', {'product_extension': 'so'}]],
  'sources': ['<!@(<(sources_of) list(s.cpu)")'],
  'ldflags': ['<!@(<(sources_of) list(s.engineLink)")'],
}
