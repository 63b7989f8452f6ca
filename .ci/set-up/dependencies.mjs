import { readFileSync } from 'node:fs';
import path from 'node:path';
import { SetUpFailure } from './failure.mjs';
import { runStep, tail } from './step.mjs';

const DEPENDENCY_FIELDS = ['dependencies', 'devDependencies', 'optionalDependencies'];
const NETWORK_ERROR =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ERR_SOCKET_TIMEOUT|ENOTCACHED)\b/;

/**
 * Whether node_modules holds what package-lock.json says, judged by the record npm itself writes there as
 * the last act of an installation, so that an interrupted one counts as none.
 *
 * @param {string} root the clone
 * @returns {'current' | 'stale' | 'missing'}
 */
export function installedState(root) {
  const locked = readJson(path.join(root, 'package-lock.json'))?.packages ?? {};
  const installed = readJson(path.join(root, 'node_modules/.package-lock.json'))?.packages;
  if (installed === undefined) return 'missing';
  const isCurrent = ([where, { version, optional, devOptional, extraneous }]) => {
    if (where === '' || extraneous) return true;
    const found = installed[where];
    return found === undefined ? Boolean(optional || devOptional) : found.version === version;
  };
  return Object.entries(locked).every(isCurrent) ? 'current' : 'stale';
}

/**
 * Whether package-lock.json was made from this package.json.
 *
 * @param {string} root
 */
export function isLockInStep(root) {
  const manifest = readJson(path.join(root, 'package.json')) ?? {};
  const locked = readJson(path.join(root, 'package-lock.json'))?.packages?.[''] ?? {};
  return DEPENDENCY_FIELDS.every((field) => isSameRecord(manifest[field] ?? {}, locked[field] ?? {}));
}

/**
 * Installs what is locked, unless that is already there.
 *
 * @param {{ root: string, env: NodeJS.ProcessEnv, say: (line: string) => void }} machine
 */
export async function installDependencies({ root, env, say }) {
  if (!isLockInStep(root)) {
    throw new SetUpFailure(
      'lock-file-stale',
      'package-lock.json does not match package.json; run: npm install',
    );
  }
  const state = installedState(root);
  if (state === 'current') return;
  const [command, ...before] = npmCommand(env);
  const args = [...before, 'ci', '--include=dev', '--include=optional', '--no-progress', '--loglevel=error'];
  const label = `installing the locked packages (node_modules is ${state})`;
  const { ok, output } = await runStep({ label, command, args, cwd: root, env, say });
  if (!ok) throw installFailure(output);
}

/**
 * npm as the caller runs it: the same Node and the same npm, whatever else PATH holds.
 *
 * @param {NodeJS.ProcessEnv} env
 * @returns {string[]}
 */
export function npmCommand(env) {
  const script = env.npm_execpath ?? '';
  return /\bnpm-cli\.[cm]?js$/.test(script) ? [process.execPath, script] : ['npm'];
}

/** @param {string} output */
export function installFailure(output) {
  if (/\bEUSAGE\b/.test(output) && /lock file/.test(output)) {
    return new SetUpFailure('lock-file-stale', 'package-lock.json is incomplete; run: npm install');
  }
  const network = NETWORK_ERROR.exec(output);
  if (network) {
    return new SetUpFailure(
      'registry-unreachable',
      `no answer from the npm registry (${network[1]}); check the network and run again`,
    );
  }
  return new SetUpFailure('install-failed', `npm ci failed; its last lines:\n${tail(output, 15)}`);
}

function isSameRecord(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}
