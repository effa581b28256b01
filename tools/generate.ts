// Writes the files of this repository that are made of others.
import { readFileSync, writeFileSync } from 'node:fs';
import { definition, schema, schemaOf } from './schema.js';
import { tool } from './support.js';

tool(() => writeFileSync(schema, schemaOf(readFileSync(definition, 'utf8'))));
