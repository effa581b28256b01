// Writes the documents that are made from code: docs/api.md. Usage: tsx tools/docs.ts
import { writeFileSync } from 'node:fs';
import { reference } from './api.js';
import { at, tool } from './support.js';

tool(() => writeFileSync(at('docs/api.md'), reference().text));
