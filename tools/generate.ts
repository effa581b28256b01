// Writes the files of this repository that are made of others: lib/schema.ts and docs/api.md.
import { readFileSync, writeFileSync } from 'node:fs';
import { reference } from './api.js';
import { definition, schema, schemaOf } from './schema.js';
import { at, tool } from './support.js';

tool(() => {
  writeFileSync(schema, schemaOf(readFileSync(definition, 'utf8')));
  writeFileSync(at('docs/api.md'), reference().text);
});
