import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';

const { BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = constants;
const FOLDER = join(import.meta.dirname, 'corpus');

/**
 * The inputs kept for a target, shortest first: one file, since there are hundreds, and most are much like
 * another. Each is its length (u32, little-endian) and its bytes; all together are compressed with brotli.
 */
export function readCorpus(target: string): readonly Uint8Array[] {
  const file = fileOf(target);
  if (!existsSync(file)) return [];
  const bytes = brotliDecompressSync(readFileSync(file));
  const inputs: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    inputs.push(bytes.subarray(at + 4, (at += 4 + length)));
  }
  return inputs;
}

/** Answers the size of the file in bytes. */
export function writeCorpus(target: string, inputs: readonly Uint8Array[]): number {
  const parts = inputs
    .toSorted((a, b) => a.length - b.length || Buffer.compare(a, b))
    .flatMap((input) => {
      const length = Buffer.alloc(4);
      length.writeUInt32LE(input.length);
      return [length, input];
    });
  const bytes = Buffer.concat(parts);
  const params = { [BROTLI_PARAM_LGWIN]: 24, [BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const packed = brotliCompressSync(bytes, { params });
  writeFileSync(fileOf(target), packed);
  return packed.length;
}

/** As libFuzzer has them: a file each, named after what is in it. Makes the folder. */
export function spread(inputs: readonly Uint8Array[], folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const input of inputs)
    writeFileSync(join(folder, createHash('sha1').update(input).digest('hex')), input);
}

export function gather(folder: string): Uint8Array[] {
  return readdirSync(folder).map((file) => readFileSync(join(folder, file)));
}

function fileOf(target: string): string {
  return join(FOLDER, `${target}.br`);
}
