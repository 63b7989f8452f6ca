/** Fills dist/ for `npm pack`: compiled policies and their host, then JavaScript and declarations. */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import process from 'node:process';

const COMPILED = ['dist/runtime', 'dist/executor'];
const STEPS = [
  [process.execPath, 'runtime/policy/build-all.ts'],
  ['tsc', '-p', '.', '--noEmit', 'false', '--outDir', 'dist', '--declaration'],
];

for (const folder of COMPILED) rmSync(folder, { recursive: true, force: true });
for (const [command, ...args] of STEPS) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  if (status !== 0) {
    process.stderr.write(`prepack: build-failed: ${args[0]} ended with ${status}\n`);
    process.exit(1);
  }
}
