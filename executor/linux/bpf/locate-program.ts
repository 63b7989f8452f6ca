import { createAssembler, R0, R1, R10, R2, R3, R5, R6, R7, R8, R9, reg } from './assembler.ts';
import type { Program } from './bpf-call.ts';
import { createEmitter, type Emitter } from './emitter.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { ENTRY_FRAME } from './walk-page-table.ts';

const HELPER_CURRENT_TASK = 35;
const HELPER_READ_KERNEL = 113;
const PRESENT = 1;
const HUGE = 0x80;

/**
 * Reads of our own process where one file of ours has its page and where our page table is, and follows the
 * table to one page of ours under a candidate for the direct map's address. Straight on, without a loop; it
 * starts from our own task only.
 */
export function assembleLocate(layout: KernelLayout, shifts: readonly number[], mapFd: number): Program {
  const e = createEmitter(layout);
  e.mapValue(R9, mapFd, 0);
  e.setValue('probeFrame', 0);
  e.helper(HELPER_CURRENT_TASK);
  e.move(R8, reg(R0));
  emitFolio(e);
  e.read(R8, [R6, layout.taskMm]);
  e.read(R6, [R6, layout.mmTable]);
  e.set('table', R6);
  emitTranslate(e, shifts);
  e.label('end');
  e.move(R0, 0);
  e.exit();
  return { code: e.finish() };
}

/** The page cache of a file of one page is that page. */
function emitFolio(e: Emitter): void {
  const { layout } = e;
  e.read(R8, [R6, layout.taskFiles]);
  e.read(R6, [R6, layout.filesTable]);
  e.read(R6, [R6, layout.tableFiles]);
  e.get(R1, 'fileAt');
  e.compute('left', R1, 3);
  e.compute('add', R6, reg(R1));
  e.read(R6, [R6, 0]);
  e.read(R6, [R6, layout.fileSpace]);
  e.read(R6, [R6, layout.spaceHead]);
  e.set('folio', R6);
}

/** R6 = table. No candidate, or an entry that maps nothing: the frame stays 0. */
function emitTranslate(e: Emitter, shifts: readonly number[]): void {
  e.get(R7, 'candidate');
  e.jumpIf('equal', R7, 0, 'end');
  for (const shift of shifts) {
    e.get(R3, 'probeAddress');
    e.compute('right', R3, shift);
    e.compute('and', R3, 511);
    e.compute('left', R3, 3);
    e.compute('add', R6, reg(R3));
    e.read(R6, [R6, 0]);
    e.move(R5, reg(R6));
    e.compute('and', R5, shift === 12 ? PRESENT : PRESENT | HUGE);
    e.jumpIf('not', R5, PRESENT, 'end');
    e.constant(R5, ENTRY_FRAME);
    e.compute('and', R6, reg(R5));
    if (shift !== 12) e.compute('add', R6, reg(R7));
  }
  e.compute('right', R6, 12);
  e.set('probeFrame', R6);
}

/**
 * Reads nothing of anybody, but asks the verifier for the right to read kernel memory the ordinary way. Lockdown
 * for confidentiality refuses that, while it would let the cast pass: then the walk stays away too.
 */
export function assemblePermission(): Program {
  const asm = createAssembler();
  asm.move(R1, reg(R10));
  asm.compute('add', R1, -8);
  asm.move(R2, 8);
  asm.move(R3, 0);
  asm.helper(HELPER_READ_KERNEL);
  asm.move(R0, 0);
  asm.exit();
  return { code: asm.finish() };
}
