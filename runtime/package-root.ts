import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * The package's folder, whether this file runs from a clone's sources (runtime/) or compiled
 * (dist/runtime/). Files that are not code are found from here.
 */
export const packageRoot = fileURLToPath(
  new URL(import.meta.url.includes('/dist/runtime/') ? '../../' : '../', import.meta.url),
);

export const packageVersion: string = JSON.parse(
  readFileSync(path.join(packageRoot, 'package.json'), 'utf8'),
).version;
