import { closeSync, openSync, readFileSync, readSync, readdirSync, writeSync } from 'node:fs';

/*
 * The lab's own readings of physical memory. They share no line with the executor or the sensor, so that an error
 * there cannot agree with itself.
 */

const NODES = '/sys/devices/system/node';
const IDLE_BITMAP = '/sys/kernel/mm/page_idle/bitmap';
const FRAME_MASK = (1n << 55n) - 1n;
const FRAMES_PER_READ = 4096;

/** Bits of /proc/kpageflags (Documentation/admin-guide/mm/pagemap.rst). */
export const FRAME_BIT = { slab: 7n, buddy: 10n, thp: 22n, zero: 24n } as const;

function readWords(path: string, first: number, count: number): BigUint64Array {
  const words = new BigUint64Array(count);
  const file = openSync(path, 'r');
  const length = readSync(file, words, 0, words.byteLength, first * 8);
  closeSync(file);
  return words.subarray(0, Math.floor(length / 8));
}

/** Frame numbers behind pages, 0 where there is none. */
export function framesOf(pid: number, page: number, pages: number): Float64Array {
  const entries = readWords(`/proc/${pid}/pagemap`, page, pages);
  return Float64Array.from(entries, (entry) => (entry >> 63n === 1n ? Number(entry & FRAME_MASK) : 0));
}

/** First frames of a node's memory blocks, and how many frames each has. */
function blocksOf(node: number): { readonly first: number[]; readonly frames: number } {
  const bytes = Number.parseInt(
    readFileSync('/sys/devices/system/memory/block_size_bytes', 'utf8').trim(),
    16,
  );
  const frames = bytes / 4096;
  const numbers = readdirSync(`${NODES}/node${node}`).flatMap(
    (name) => /^memory(\d+)$/.exec(name)?.slice(1).map(Number) ?? [],
  );
  return { first: numbers.map((number) => number * frames).toSorted((a, b) => a - b), frames };
}

/** Tells the node of a frame by the memory block it lies in; -1 where there is no memory. */
export function readNodeOfFrame(): (frame: number) => number {
  const nodes = readdirSync(NODES).flatMap((name) => /^node(\d+)$/.exec(name)?.slice(1).map(Number) ?? []);
  const nodeOfBlock = new Map<number, number>();
  const { frames } = blocksOf(0);
  for (const node of nodes) for (const first of blocksOf(node).first) nodeOfBlock.set(first / frames, node);
  return (frame) => nodeOfBlock.get(Math.floor(frame / frames)) ?? -1;
}

/** The last frame of a node with one of its flags set. */
export function findFrame(node: number, bit: bigint): number {
  const { first, frames } = blocksOf(node);
  for (const block of first.toReversed())
    for (let at = block + frames - FRAMES_PER_READ; at >= block; at -= FRAMES_PER_READ) {
      const found = readWords('/proc/kpageflags', at, FRAMES_PER_READ).findLastIndex(
        (flags) => ((flags >> bit) & 1n) === 1n,
      );
      if (found >= 0) return at + found;
    }
  throw new Error(`node ${node} has no frame with flag ${bit}`);
}

/** Sets the idle bits of frames (Documentation/admin-guide/mm/idle_page_tracking.rst). */
export function markIdle(frames: Float64Array): void {
  const words = new Map<number, bigint>();
  for (const frame of frames) {
    const word = Math.floor(frame / 64);
    words.set(word, (words.get(word) ?? 0n) | (1n << BigInt(frame % 64)));
  }
  const file = openSync(IDLE_BITMAP, 'r+');
  for (const [word, bits] of words) writeSync(file, BigUint64Array.of(bits), 0, 8, word * 8);
  closeSync(file);
}

/** Whether each frame is idle still. */
export function readIdle(frames: Float64Array): boolean[] {
  return Array.from(frames, (frame) => {
    const [bits = 0n] = readWords(IDLE_BITMAP, Math.floor(frame / 64), 1);
    return ((bits >> BigInt(frame % 64)) & 1n) === 1n;
  });
}
