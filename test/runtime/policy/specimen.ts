import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { componentEmbed, componentNew } from '@bytecodealliance/jco';
import asc from 'assemblyscript/asc';
import { build } from 'rolldown';
import { ABI_VERSION, COLUMNS, MANIFEST_SECTION } from '../../../runtime/contract.ts';
import type { ColumnName, Manifest, Snapshot } from '../../../runtime/contract.ts';

const root = join(import.meta.dirname, '../../..');
export const WIT = readFileSync(join(root, 'policies/wit/policy.wit'), 'utf8');

export const MANIFEST: Manifest = {
  abi: ABI_VERSION,
  name: 'specimen',
  version: '1.0.0',
  description: 'does what it is told',
  columns: ['writes', 'accesses', 'place', 'idleEpochs'],
  stateVersion: 3,
  stateBytesMax: 65_536,
  settings: [
    { name: 'mode', type: 'text', description: 'how to behave', default: 'echo' },
    { name: 'amount', type: 'integer', description: 'how much of it', default: 0, min: 0, max: 10_000_000 },
    { name: 'ratio', type: 'number', description: 'digested', default: 0.5, min: 0, max: 1 },
    { name: 'flag', type: 'truth', description: 'digested', default: false },
  ],
  reasons: ['because'],
};

/** A core module out of AssemblyScript on the bare ABI. */
export async function compile(source: string, start = ['--exportStart', '_initialize']): Promise<Uint8Array> {
  const written = new Map<string, Uint8Array | string>();
  const options = ['--outFile', 'out.wasm', '-O1', '--runtime', 'minimal', ...start];
  const { error, stderr } = await asc.main(['specimen.ts', ...options, '--use', 'abort=specimen/abort'], {
    readFile: (name) => (name === 'specimen.ts' ? source : null),
    writeFile: (name, contents) => void written.set(name, contents),
    listFiles: () => [],
  });
  if (error !== null) throw new Error(stderr.toString());
  return written.get('out.wasm') as Uint8Array;
}

/** A component of the world out of a core module, its manifest inside. */
export async function componentOf(
  core: Uint8Array,
  { manifest = MANIFEST as unknown, wit = WIT, stringEncoding = 'utf16' as 'utf16' | 'utf8' } = {},
): Promise<Uint8Array> {
  const binary =
    manifest === null ? core : withCustomSection(core, MANIFEST_SECTION, JSON.stringify(manifest));
  return componentNew(await componentEmbed({ binary, witSource: wit, world: 'policy', stringEncoding }), []);
}

export function withCustomSection(core: Uint8Array, name: string, text: string): Uint8Array {
  const [encodedName, encodedText] = [Buffer.from(name), Buffer.from(text)];
  const body = Buffer.concat([leb128(encodedName.length), encodedName, encodedText]);
  return Buffer.concat([core, Buffer.from([0]), leb128(body.length), body]);
}

export function leb128(value: number): Buffer {
  return Buffer.from([0, 7, 14, 21, 28].map((shift) => ((value >>> shift) & 127) | (shift < 28 ? 128 : 0)));
}

export function specimenSource(): string {
  return readFileSync(join(root, 'test/fixtures/policies/specimen.ts'), 'utf8');
}

/** The policy host, bundled as `npm run build` bundles it. */
export async function bundleHost(): Promise<string> {
  const file = join(mkdtempSync(join(tmpdir(), 'terrace-host-')), 'host.mjs');
  const input = join(root, 'runtime/policy/host/main.ts');
  await build({
    input,
    platform: 'node',
    external: /^node:/,
    logLevel: 'warn',
    output: { file, format: 'esm' },
  });
  return file;
}

const ARRAYS = { bytes: Uint8Array, shorts: Uint16Array, words: Uint32Array, floats: Float32Array };

/** A snapshot with something in every list; `columns` are absent unless given a seed. */
export function snapshotOf(regions: number, columns: Partial<Record<ColumnName, number>> = {}): Snapshot {
  return {
    number: 7,
    lengthMs: 1000,
    regions,
    owners: 3,
    samplingPeriod: 1009,
    places: [0, 1].map((tier) => ({
      tier,
      kind: tier,
      state: 0,
      capacity: 1000 + tier,
      room: 4_294_967_295,
      budget: 17,
      latencyNs: 80 + tier,
      bandwidthMib: 20_000,
    })),
    metrics: [{ id: 0, subject: 1, value: 1234.5 }],
    events: { kinds: Uint8Array.of(1, 2), regions: Uint32Array.of(0, 1), others: Uint32Array.of(0, 2) },
    columns: Object.fromEntries(
      Object.entries(columns).map(([name, seed]) => [name, columnOf(name as ColumnName, regions, seed)]),
    ),
  };
}

function columnOf(
  name: ColumnName,
  regions: number,
  seed: number,
): Uint8Array | Uint16Array | Uint32Array | Float32Array {
  const column = new ARRAYS[COLUMNS[name].kind](regions);
  for (let i = 0; i < regions; i++) column[i] = Math.imul(i + seed, 2_654_435_761) >>> 7;
  return column;
}
