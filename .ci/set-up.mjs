/**
 * Makes a fresh clone ready: `node .ci/set-up.mjs start|test|lab|bench`.
 *
 * npm runs it before each command under the caller's own Node, since the Node of the project may not be
 * installed or start yet: plain JavaScript without dependencies, for Node 20 and later. Each step is
 * skipped where nothing changed. It writes to standard error only; standard output is the command's.
 */
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { bundledNodePath, missingLibraryPackage } from './set-up/bundled-node.mjs';
import { installDependencies } from './set-up/dependencies.mjs';
import { EXIT, SetUpFailure } from './set-up/failure.mjs';
import { runStep, tail } from './set-up/step.mjs';
import { installSystemPackages, missingPackages, NEEDED } from './set-up/system-packages.mjs';

const NODE_MAJOR_MIN = 20;

async function setUp(mode, machine) {
  checkPlatform();
  if (!Object.hasOwn(NEEDED, mode)) {
    throw new SetUpFailure('mode-unknown', `'${mode}' is none of: ${Object.keys(NEEDED).join(', ')}`);
  }
  await installDependencies(machine);
  await provideSystemPackages(mode, machine);
  await build(machine);
}

function checkPlatform() {
  const platform = `${process.platform}-${process.arch}`;
  if (platform !== 'linux-x64') {
    throw new SetUpFailure('platform-unsupported', `Terrace needs Linux on x86-64; this is ${platform}`);
  }
  if (Number.parseInt(process.versions.node, 10) < NODE_MAJOR_MIN) {
    throw new SetUpFailure(
      'node-too-old',
      `npm runs on Node ${process.versions.node}; install Node ${NODE_MAJOR_MIN} or later`,
    );
  }
}

async function provideSystemPackages(mode, machine) {
  const library = missingLibraryPackage(machine.root, machine.env);
  const missing = missingPackages(mode, machine);
  await installSystemPackages(library === undefined ? missing : [library, ...missing], machine);
  if (library !== undefined && missingLibraryPackage(machine.root, machine.env) !== undefined) {
    throw new SetUpFailure(
      'bundled-node-broken',
      `the bundled Node does not start although ${library} is installed`,
    );
  }
}

async function build({ root, env, say }) {
  const { ok, output } = await runStep({
    label: 'building the policies and their host',
    command: bundledNodePath(root),
    args: ['runtime/policy/build-all.ts'],
    cwd: root,
    env,
    quietMs: 1000,
    say,
  });
  if (!ok)
    throw new SetUpFailure('build-failed', `npm run build failed; its last lines:\n${tail(output, 20)}`);
}

const say = (line) => process.stderr.write(`set-up: ${line}\n`);

try {
  await setUp(process.argv[2], {
    root: path.dirname(path.dirname(fileURLToPath(import.meta.url))),
    uid: process.getuid?.() ?? -1,
    path: process.env.PATH ?? '',
    fileRoot: '/',
    env: process.env,
    say,
  });
} catch (failure) {
  if (!(failure instanceof SetUpFailure)) throw failure;
  say(`${failure.code}: ${failure.message}`);
  process.exitCode = EXIT[failure.code];
}
