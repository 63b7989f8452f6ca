import { closeSync, ftruncateSync } from 'node:fs';
import { failure, success, type Result } from '../../result.ts';
import { openPagemap, PAGEMAP_HIGH } from '../pagemap.ts';
import { createMemoryFile, mapShared } from './memory.ts';

/** A page of a file of ours, mapped by us alone: all about it is known, so it shows whether others tell the truth. */
export interface OwnPage {
  readonly fd: number;
  readonly address: number;
  readonly frame: number;
  close(): void;
}

export type OwnPageFault = 'memory-missing' | 'permission-missing' | 'pagemap-unreadable';

const PAGE_BYTES = 4_096;

export function createOwnPage(): Result<OwnPage, OwnPageFault> {
  const file = createMemoryFile();
  if (!file.ok) return file;
  ftruncateSync(file.value, PAGE_BYTES);
  const mapped = mapShared(file.value, PAGE_BYTES);
  if (!mapped.ok) {
    closeSync(file.value);
    return mapped;
  }
  const { address, view, unmap } = mapped.value;
  new Uint8Array(view)[0] = 1;
  const close = (): void => {
    unmap();
    closeSync(file.value);
  };
  const frame = readOwnFrame(address / PAGE_BYTES);
  if (!frame.ok) close();
  return frame.ok ? success({ fd: file.value, address, frame: frame.value, close }) : frame;
}

/** The frame behind a page of this process. */
export function readOwnFrame(pageNumber: number): Result<number, OwnPageFault> {
  const pagemap = openPagemap('/', process.pid);
  if (!pagemap.ok) return failure('pagemap-unreadable', pagemap.message);
  const low = new Uint32Array(1);
  const high = new Uint32Array(1);
  pagemap.value.entries(Float64Array.of(pageNumber), low, high);
  pagemap.value.close();
  const frame = low[0] + (high[0] & PAGEMAP_HIGH.frame) * 2 ** 32;
  return frame > 0
    ? success(frame)
    : failure('permission-missing', 'pagemap hides frame numbers; run the executor with CAP_SYS_ADMIN');
}
