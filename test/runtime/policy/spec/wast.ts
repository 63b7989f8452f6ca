import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { WastValue } from './values.ts';

export interface Action {
  readonly type: 'invoke' | 'get';
  readonly module?: string;
  readonly field: string;
  readonly args?: readonly WastValue[];
}

/** One command of a script, as wabt's wast2json writes it. */
export interface Command {
  readonly type: string;
  readonly line: number;
  /** Of `module`: the name to call it by, beginning with `$`. Of `register`: the module's name. */
  readonly name?: string;
  /** Of `register`: the name to import it by. */
  readonly as?: string;
  readonly filename?: string;
  readonly module_type?: 'binary' | 'text';
  readonly action?: Action;
  readonly expected?: readonly WastValue[];
  readonly text?: string;
}

export type Converted =
  | { readonly ok: true; readonly folder: string; readonly commands: readonly Command[] }
  | { readonly ok: false; readonly why: string };

/** Newer files of the suite use features that wabt knows but does not enable by itself. */
const ATTEMPTS: readonly (readonly string[])[] = [[], ['--enable-all', '--no-check']];

/** Why no script can be converted on this machine. */
export function missingConverter(): string | undefined {
  const isMissing = (command: string) => spawnSync(command, ['--version']).error !== undefined;
  return ['wast2json', 'wasm-objdump'].some(isMissing) ? 'wast2json is missing: install wabt' : undefined;
}

/** Converts the script `file` to modules and commands in `folder`, which must be empty. */
export function convert(file: string, folder: string): Converted {
  let why = '';
  for (const flags of ATTEMPTS) {
    const json = path.join(folder, 'script.json');
    const { status, stderr, error } = spawnSync('wast2json', [...flags, file, '-o', json], {
      encoding: 'utf8',
    });
    if (status === 0) {
      const { commands } = JSON.parse(readFileSync(json, 'utf8')) as { commands: Command[] };
      return { ok: true, folder, commands };
    }
    why = error?.message ?? stderr.split('\n', 1)[0] ?? '';
  }
  return { ok: false, why };
}

export function readModule(folder: string, { filename = '' }: Command): Uint8Array {
  return readFileSync(path.join(folder, filename));
}
