import { closeSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readFailure, readText, type ReadFault } from '../../procfs/read-file.ts';
import { failure, success, type Result } from '../../result.ts';
import { checkFrames } from '../check-frames.ts';
import { createMapperRows, toMappers, type MapperRows } from '../mapper-rows.ts';
import { MAPPER_BOUNDS } from '../mapper-bounds.ts';
import type { FrameWalk, WalkedMappers } from '../find-mappers.ts';
import { parseBtf, type BtfFault } from './btf.ts';
import { createMap, loadProgram, prepareRun, runProgram, type BpfFault } from './bpf-call.ts';
import { checkWalk } from './check-walk.ts';
import { findBases, type BasesFault } from './find-bases.ts';
import { readKernelLayout } from './kernel-layout.ts';
import { assemblePermission } from './locate-program.ts';
import { mapShared, type SharedMemory } from './memory.ts';
import { readAnswer, readFolioPages, takeRows } from './read-rows.ts';
import { FRAMES_AT, MEMORY_BYTES, SLOT } from './walk-memory.ts';
import { assembleWalk } from './walk-program.ts';

export type WalkFault =
  | ReadFault
  | BtfFault
  | BpfFault
  | BasesFault
  | 'kernel-unfit'
  | 'kernel-locked-down'
  | 'memory-encrypted'
  | 'self-check-failed';

const BTF_FILE = 'sys/kernel/btf/vmlinux';

/**
 * The walk of the kernel's reverse map: costs grow with the question, not with memory. It makes sure that it may
 * and can be trusted, or refuses with a code: types by name from the kernel's own BTF, addresses from pages
 * of our own, and at last pages of our own must be found to be ours. CAP_BPF, CAP_PERFMON and (for frame numbers)
 * CAP_SYS_ADMIN are needed here only; asking later needs none. It reads kernel memory and writes none.
 */
export function openFrameWalk(root = '/'): Result<FrameWalk, WalkFault> {
  const allowed = checkMachine(root);
  if (!allowed.ok) return allowed;
  const bytes = readBytes(join(root, BTF_FILE));
  if (!bytes.ok) return bytes;
  const btf = parseBtf(bytes.value);
  if (!btf.ok) return btf;
  const layout = readKernelLayout(btf.value);
  if (!layout.ok) return layout;
  const bases = findBases(layout.value);
  if (!bases.ok) return bases;

  const map = createMap(MEMORY_BYTES);
  if (!map.ok) return map;
  const memory = mapShared(map.value, MEMORY_BYTES);
  const program = loadProgram(assembleWalk(layout.value, bases.value, map.value));
  // The mapping and the program keep the map.
  closeSync(map.value);
  if (!memory.ok || !program.ok) {
    if (memory.ok) memory.value.unmap();
    if (program.ok) closeSync(program.value);
    return memory.ok ? (program as Result<never, BpfFault>) : memory;
  }
  const walk = createWalk(memory.value, program.value);
  const checked = checkWalk(walk);
  if (!checked.ok) walk.close();
  return checked.ok ? success(walk) : checked;
}

/** Encrypted guests see other frame numbers in their tables, and lockdown means that nobody reads the kernel. */
function checkMachine(root: string): Result<true, WalkFault> {
  const cpus = readText(join(root, 'proc/cpuinfo'));
  if (!cpus.ok) return cpus;
  const flags = new Set(/^flags\s*:(.*)$/m.exec(cpus.value)?.[1].trim().split(/\s+/));
  const isSevGuest = flags.has('hypervisor') && ['sev', 'sev_es', 'sev_snp'].some((flag) => flags.has(flag));
  if (flags.has('tdx_guest') || isSevGuest)
    return failure(
      'memory-encrypted',
      'this guest encrypts its memory (TDX, SEV); frames resolve by the scan',
    );
  const permitted = loadProgram(assemblePermission());
  if (permitted.ok) closeSync(permitted.value);
  else if (permitted.code === 'program-refused')
    return failure(
      'kernel-locked-down',
      'this kernel lets nobody read its memory; frames resolve by the scan',
    );
  return permitted.ok ? success(true) : permitted;
}

function readBytes(path: string): Result<Uint8Array, ReadFault> {
  try {
    return success(readFileSync(path));
  } catch (error) {
    return readFailure(path, error);
  }
}

function createWalk(memory: SharedMemory, programFd: number): FrameWalk {
  const words = new Uint32Array(memory.view);
  const run = prepareRun(programFd);
  let isClosed = false;

  function find(frame: Float64Array): Result<WalkedMappers> {
    const fault = checkFrames(frame);
    if (fault) return fault;
    if (isClosed) return failure('walk-closed', 'the walk was closed; open another');
    const rows = createMapperRows(Math.max(16, frame.length));
    const answer = new Uint8Array(frame.length);
    const folioPages = new Uint32Array(frame.length);
    for (let base = 0; base < frame.length; base += MAPPER_BOUNDS.walkFramesPerCall) {
      const part = frame.subarray(base, base + MAPPER_BOUNDS.walkFramesPerCall);
      const walked = walkPart(words, run, part, base, rows, answer, folioPages);
      if (!walked.ok) return walked;
    }
    const how = { cached: 0, walked: frame.length, scanned: 0, stale: 0 };
    return success({ ...toMappers(rows, answer, how), folioPages });
  }

  return {
    find,
    close() {
      if (isClosed) return;
      isClosed = true;
      closeSync(programFd);
      memory.unmap();
    },
  };
}

function walkPart(
  words: Uint32Array,
  run: Uint32Array,
  frame: Float64Array,
  base: number,
  rows: MapperRows,
  answer: Uint8Array,
  folioPages: Uint32Array,
): Result<true> {
  const tally = { named: new Uint32Array(frame.length), nameless: new Uint8Array(frame.length) };
  words.set(frame, FRAMES_AT / 4);
  words[2 * SLOT.frames] = frame.length;
  words[2 * SLOT.cursor] = 0;
  for (let done = 0; done < frame.length;) {
    words[2 * SLOT.rows] = 0;
    words[2 * SLOT.rowsDone] = 0;
    if (!runProgram(run)) return failure('walk-failed', 'the kernel did not run the walk; open it anew');
    takeRows(words, words[2 * SLOT.rowsDone], base, rows, tally);
    if (words[2 * SLOT.cursor] <= done) return failure('walk-failed', 'the walk stands still; open it anew');
    done = words[2 * SLOT.cursor];
  }
  for (let local = 0; local < frame.length; local++) {
    answer[base + local] = readAnswer(words, local, tally);
    folioPages[base + local] = readFolioPages(words, local);
  }
  return success(true);
}
