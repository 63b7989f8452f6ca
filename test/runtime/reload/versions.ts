import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Settings } from '../../../runtime/contract.ts';
import { packageRoot } from '../../../runtime/package-root.ts';
import { buildPolicy } from '../../../runtime/policy/build/index.ts';
import { loadPolicy, type HostedPolicy } from '../../../runtime/policy/load.ts';
import type { HostLimits } from '../../../runtime/policy/running-host.ts';
import { zooFolder } from '../../../runtime/policy/shelf.ts';

/** What is to be read instead of what in a policy's source. */
export type Edits = readonly (readonly [from: string, to: string])[];

/** `counter` as another version, and whatever else is edited. */
export const counter = (version: string, ...edits: Edits) =>
  ['counter', [["'1.0.0'", `'${version}'`], ...edits]] as const;

const RESTORE = 'restore(state: Uint8Array): string | null {';
export const REFUSES_STATE: Edits[number] = [RESTORE, `${RESTORE} if (state.length) return 'not this one';`];
export const SAVE_TRAPS: Edits[number] = ['save(): Uint8Array {', 'save(): Uint8Array { unreachable();'];
export const TRAPS_AT_FORGET: Edits[number] = [
  'if (skipped != 0 && !',
  'if (snapshot.events.kinds.includes(<u8>EventKind.Forget)) unreachable();\n  if (skipped != 0 && !',
];
export const KEEPS_NONE: Edits[number] = ['stateBytesMax = 8', 'stateBytesMax = 0'];

const components = new Map<string, Uint8Array>();

/** A policy of the fixtures, edited; the same is built once. */
export async function build(fixture: string, edits: Edits = []): Promise<Uint8Array> {
  const key = JSON.stringify([fixture, edits]);
  const known = components.get(key);
  if (known) return known;
  const folder = mkdtempSync(path.join(tmpdir(), 'terrace-version-'));
  try {
    const file = path.join(folder, `${fixture}.ts`);
    const source = readFileSync(path.join(packageRoot, `test/fixtures/policies/${fixture}.ts`), 'utf8');
    writeFileSync(
      file,
      edits.reduce((text, [from, to]) => replaceOnce(text, from, to), source),
    );
    const built = await buildPolicy({ root: packageRoot, file, target: 'simd' });
    if (!built.ok) throw new Error(built.message);
    components.set(key, built.value.component);
    return built.value.component;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`${from} does not stand there once`);
  return text.replace(from, to);
}

/** Files of a folder of policies: `NAME@VERSION.wasm`. */
export async function writeVersion(folder: string, name: string, ...what: Parameters<typeof build>) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${name}.wasm`), await build(...what));
}

/** In a host of its own. */
export async function load(
  policy: string | Uint8Array,
  settings: Settings = {},
  limits: Partial<HostLimits> = {},
): Promise<HostedPolicy> {
  const loaded = await loadPolicy({ policy, settings, limits });
  if (!loaded.ok) throw new Error(loaded.message);
  return loaded.value;
}

/** Of those that come with Terrace. */
export const inZoo = (name: string): string => path.join(zooFolder, `${name}.wasm`);
