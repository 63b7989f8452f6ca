import { execFileSync } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** As docs/languages.md has them. */
export const COMPILE =
  'clang --target=wasm32 -O3 -msimd128 -mbulk-memory -ffp-contract=off -ffreestanding -Wall -Wextra -c -o';
export const LINK = 'wasm-ld --no-entry --stack-first --strip-all -o';

const COMMANDS = ['clang', 'wasm-ld'];

/** Why nothing can be compiled here, or undefined. */
export const clangMissing: string | undefined = COMMANDS.every(isThere)
  ? undefined
  : 'needs clang and wasm-ld, which Debian has in its packages clang and lld';

function isThere(command: string): boolean {
  return (process.env.PATH ?? '').split(path.delimiter).some((folder) => {
    try {
      accessSync(path.join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** The core module of one C file; warnings are errors. `options` come after those of the page. */
export function compileC(file: string, options: readonly string[] = []): Uint8Array {
  const folder = mkdtempSync(path.join(tmpdir(), 'terrace-clang-'));
  const [object, core] = [path.join(folder, 'policy.o'), path.join(folder, 'policy.wasm')];
  try {
    run(COMPILE, object, file, '-Werror', ...options);
    run(LINK, core, object);
    return readFileSync(core);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function run(line: string, ...more: readonly string[]): void {
  const [command = '', ...words] = line.split(' ');
  execFileSync(command, [...words, ...more], { stdio: ['ignore', 'pipe', 'pipe'] });
}
