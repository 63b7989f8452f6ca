import { readFileSync } from 'node:fs';

/** The files that this Node consists of, as the kernel has mapped them: what its like needs to start. */
export interface Image {
  /** The binary and the dynamic loader: an execve opens both. */
  readonly executable: readonly string[];
  /** The libraries that the loader maps. */
  readonly libraries: readonly string[];
}

/** proc_pid_maps(5): range, rights, offset, device, inode, path. */
const MAPPED_FILE = /^([0-9a-f]+)-\S+ \S+ \S+ \S+ \d+ +(\/.+)$/;
/** getauxval(3), include/uapi/linux/auxvec.h: where the loader was mapped; 0 for a static binary. */
const AT_BASE = 7n;

/** `binary` is process.execPath. Addons are mapped too and left out: no host loads one. */
export function readOwnImage(binary: string): Image {
  const base = loaderBase();
  const mapped = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, start, path] = MAPPED_FILE.exec(line) ?? [];
      return start === undefined || path === undefined ? [] : [{ start: BigInt(`0x${start}`), path }];
    });
  const loader = mapped.find(({ start }) => start === base)?.path;
  const others = mapped.map(({ path }) => path).filter((path) => path !== loader && /\.so(\.|$)/.test(path));
  return {
    executable: loader === undefined ? [binary] : [binary, loader],
    libraries: [...new Set(others)],
  };
}

function loaderBase(): bigint {
  const bytes = readFileSync('/proc/self/auxv');
  const words = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.length >> 3);
  const at = words.findIndex((key, i) => i % 2 === 0 && key === AT_BASE);
  return at < 0 ? 0n : (words[at + 1] ?? 0n);
}
