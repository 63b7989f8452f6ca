import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import path from 'node:path';
import { exposeState } from './expose.ts';

/** binaryen comes with AssemblyScript, so it is looked for from there. */
const binaryen = findPackageJSON('binaryen', findPackageJSON('assemblyscript', import.meta.url))!;
const WASM_OPT = path.join(path.dirname(binaryen), 'bin/wasm-opt');

const FEATURES = [
  'simd',
  'bulk-memory',
  'nontrapping-float-to-int',
  'multivalue',
  'sign-ext',
  'mutable-globals',
];
const INPUT_BYTES_MIN = 1000;
const INPUT_BYTES_MAX = 16_000;

/**
 * A valid module out of random bytes, the same for the same seed, by binaryen's fuzz translation; it exports
 * all its state. Its arithmetic makes no NaN, whose bits the standard leaves open, and hardly one drops
 * segments, which policies may not.
 */
export function generateModule(seed: number, folder: string): Uint8Array<ArrayBuffer> {
  const [from, to] = [path.join(folder, `${seed}.bytes`), path.join(folder, `${seed}.wasm`)];
  const random = createRandom(seed);
  writeFileSync(from, random.bytes(INPUT_BYTES_MIN + random.below(INPUT_BYTES_MAX - INPUT_BYTES_MIN)));
  const features = ['-mvp', ...FEATURES.map((feature) => `--enable-${feature}`)];
  const args = [WASM_OPT, ...features, '-ttf', '--denan', '--memory-packing', from, '-o', to];
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`wasm-opt failed on seed ${seed}: ${stderr}`);
  return exposeState(readFileSync(to));
}

export interface Random {
  bytes(length: number): Uint8Array;
  below(bound: number): number;
}

/** A stream of bytes that only `seed` decides. */
export function createRandom(seed: number): Random {
  let block = 0;
  const draw = () => createHash('sha256').update(`${seed} ${block++}`).digest();
  return {
    bytes: (length) =>
      Buffer.concat(Array.from({ length: Math.ceil(length / 32) }, draw)).subarray(0, length),
    below: (bound) => draw().readUInt32LE() % bound,
  };
}
