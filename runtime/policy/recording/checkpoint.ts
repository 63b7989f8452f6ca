import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import type { HostFault, HostProcess } from '../host-process.ts';
import type { Reply } from '../reply.ts';
import { writeShared } from '../shared-file.ts';
import {
  DUMP_PAGES_MAX,
  GLOBAL_BYTES,
  REQUEST,
  REQUEST_AT,
  UNDUMP_PAGES_AT,
  WASM_PAGE_BYTES,
} from '../wire.ts';
import type { Checkpoint } from './recorder.ts';

const ZERO_PAGE = Buffer.alloc(WASM_PAGE_BYTES);

export interface Dump {
  readonly checkpoint: Checkpoint;
  /** The globals' words, then the pages. */
  readonly parts: readonly Uint8Array[];
}

export interface DumpBounds {
  /** For each request; a dump takes one for every `DUMP_PAGES_MAX` pages. */
  readonly deadlineMs: number;
  /** What the policy's memory can have. */
  readonly memoryPagesMax: number;
  /** What may be kept of it. */
  readonly bytesMax: number;
}

/**
 * Copies a policy's memory and globals out of its host: between two requests, that is all its state. A host
 * that lies about its size makes nobody ask or keep more than the bounds.
 */
export async function dumpInstance(
  host: HostProcess,
  { deadlineMs, memoryPagesMax, bytesMax }: DumpBounds,
): Promise<Result<Dump, HostFault | 'recording-full'>> {
  const pages: number[] = [];
  const parts: Uint8Array[] = [];
  let memoryPages = 1;
  let globals = 0;
  for (let first = 0; first < memoryPages; first += DUMP_PAGES_MAX) {
    const reply = await host.ask(REQUEST.dump, deadlineMs, (request) => {
      request.setUint32(REQUEST_AT.firstPage, first, true);
      request.setUint32(REQUEST_AT.pages, DUMP_PAGES_MAX, true);
    });
    if (!reply.ok) return reply;
    memoryPages = reply.value.memoryPages;
    const expected = Math.min(DUMP_PAGES_MAX, memoryPages - first) * WASM_PAGE_BYTES;
    if (memoryPages > memoryPagesMax || reply.value.lengths.state !== expected)
      return failure('plan-unreadable', 'the policy host answered a memory that cannot be');
    if (first === 0) parts.push(reply.value.section('globals'));
    globals = reply.value.lengths.globals;
    keepPages(reply.value, first, pages, parts);
    if (pages.length * WASM_PAGE_BYTES > bytesMax)
      return failure('recording-full', `a checkpoint takes more than ${bytesMax} bytes`);
  }
  return success({ checkpoint: { memoryPages, pages, globals }, parts });
}

/** Pages of zeros are what a fresh memory consists of: they need not be kept. */
function keepPages({ section }: Reply, first: number, pages: number[], parts: Uint8Array[]): void {
  const state = section('state');
  for (let at = 0; at < state.length; at += WASM_PAGE_BYTES) {
    const page = state.subarray(at, at + WASM_PAGE_BYTES);
    if (ZERO_PAGE.equals(page)) continue;
    pages.push(first + at / WASM_PAGE_BYTES);
    parts.push(page);
  }
}

/** Gives a policy just loaded the memory and globals of a checkpoint; `body` as `Dump.parts`, joined. */
export async function restoreInstance(
  host: HostProcess,
  deadlineMs: number,
  { memoryPages, pages, globals }: Checkpoint,
  body: Uint8Array,
): Promise<Result<Reply, HostFault>> {
  const globalBytes = globals * GLOBAL_BYTES;
  let reply = await host.ask(REQUEST.undump, deadlineMs, (request) => {
    writeShared(host.shared, body.subarray(0, globalBytes), 0);
    request.setUint32(REQUEST_AT.memoryPages, memoryPages, true);
    request.setUint32(REQUEST_AT.globals, globals, true);
  });
  for (let i = 0; reply.ok && i < pages.length; i += DUMP_PAGES_MAX) {
    const some = pages.slice(i, i + DUMP_PAGES_MAX);
    const start = globalBytes + i * WASM_PAGE_BYTES;
    reply = await host.ask(REQUEST.undump, deadlineMs, (request) => {
      writeShared(host.shared, Uint32Array.from(some), 0);
      writeShared(host.shared, body.subarray(start, start + some.length * WASM_PAGE_BYTES), UNDUMP_PAGES_AT);
      request.setUint32(REQUEST_AT.memoryPages, memoryPages, true);
      request.setUint32(REQUEST_AT.pages, some.length, true);
    });
  }
  return reply;
}
