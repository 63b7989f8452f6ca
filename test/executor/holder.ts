/**
 * A process whose memory tests look at and move: `node holder.ts FILE`. Maps one range of each kind, prints
 * `{ kind: first page number }` on one line and waits for its input to end.
 */
import { openSync, writeSync } from 'node:fs';
import koffi from 'koffi';

const PAGE_BYTES = 4_096;
const HELD_PAGES = 64;
const THP_PAGES = 512;

const libc = koffi.load('libc.so.6');
const mmap = libc.func('mmap', 'int64', ['int64', 'size_t', 'int', 'int', 'int', 'int64']);
const memset = libc.func('memset', 'int64', ['int64', 'int', 'size_t']);
const madvise = libc.func('madvise', 'int', ['int64', 'size_t', 'int']);
const mlock = libc.func('mlock', 'int', ['int64', 'size_t']);
const mprotect = libc.func('mprotect', 'int', ['int64', 'size_t', 'int']);
const strlen = libc.func('strlen', 'size_t', ['int64']);
const mbind = libc.func('syscall', 'int64', ['int64', 'int64', 'size_t', 'int', 'void *', 'size_t', 'int']);

const READ_WRITE = 3;
const MAP = { shared: 1, private: 2, anonymous: 32 };
const ADVICE = { hugepage: 14, noHugepage: 15 };
const MBIND = { number: 237, bind: 2 };

function map(pages: number, flags = MAP.private | MAP.anonymous, fd = -1): number {
  const address = Number(mmap(0, pages * PAGE_BYTES, READ_WRITE, flags, fd, 0));
  if (address === -1) throw new Error(`mmap: errno ${koffi.errno()}`);
  madvise(address, pages * PAGE_BYTES, ADVICE.noHugepage);
  return address;
}

function fill(address: number, pages: number): number {
  memset(address, 1, pages * PAGE_BYTES);
  return address;
}

function mapHuge(): number {
  const range = map(2 * THP_PAGES);
  const aligned = Math.ceil(range / (THP_PAGES * PAGE_BYTES)) * THP_PAGES * PAGE_BYTES;
  madvise(aligned, THP_PAGES * PAGE_BYTES, ADVICE.hugepage);
  return fill(aligned, THP_PAGES);
}

function mapBound(): number {
  const address = map(HELD_PAGES);
  mbind(MBIND.number, address, HELD_PAGES * PAGE_BYTES, MBIND.bind, new BigUint64Array([1n]), 64, 0);
  return fill(address, HELD_PAGES);
}

/** Reading a page that was never written maps the zero page. */
function mapZero(): number {
  const address = map(HELD_PAGES);
  for (let page = 0; page < HELD_PAGES; page++) strlen(address + page * PAGE_BYTES);
  mprotect(address, HELD_PAGES * PAGE_BYTES, READ_WRITE);
  return address;
}

function mapFile(path: string): number {
  const fd = openSync(path, 'r+');
  return fill(map(HELD_PAGES, MAP.shared, fd), HELD_PAGES);
}

function mapLocked(): number {
  const address = fill(map(HELD_PAGES), HELD_PAGES);
  if (mlock(address, HELD_PAGES * PAGE_BYTES) !== 0) throw new Error(`mlock: errno ${koffi.errno()}`);
  return address;
}

const file = process.argv[2];
if (file !== undefined) {
  const ranges = {
    plain: fill(map(HELD_PAGES), HELD_PAGES),
    untouched: map(HELD_PAGES),
    zero: mapZero(),
    mlocked: mapLocked(),
    bound: mapBound(),
    file: mapFile(file),
    huge: mapHuge(),
  };
  const pages = Object.entries(ranges).map(([kind, address]) => [kind, address / PAGE_BYTES]);
  writeSync(1, `${JSON.stringify(Object.fromEntries(pages))}\n`);
  process.stdin.resume();
}
