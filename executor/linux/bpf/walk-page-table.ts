import { R1, R2, R3, R6, R7, R8, reg } from './assembler.ts';
import type { Emitter, KernelBases } from './emitter.ts';
import { STATE } from './walk-memory.ts';
import { emitRecord } from './walk-record.ts';

const PAGE_SHIFT = 12;
const ENTRY_BYTES_SHIFT = 3;
const INDEX_MASK = 511;

/** Bits of a page-table entry; arch/x86/include/asm/pgtable_types.h. */
const PRESENT = 1;
const HUGE = 0x80;
/** Of an entry that is not present: the page is there, but access was taken away; its frame is inverted then. */
const NO_ACCESS = 0x100;
export const ENTRY_FRAME = 0x000f_ffff_ffff_f000n;

/** Shifts at which an entry may map memory itself. */
const huge = new Set([21, 30]);

export function tableShifts(fiveLevels: boolean): readonly number[] {
  return fiveLevels ? [48, 39, 30, 21, 12] : [39, 30, 21, 12];
}

/**
 * Looks up one page in the mapper's page table, whether it maps the frame expected there, and goes on behind
 * what one entry covers. Every step follows the table from its root: tables can go away between steps.
 */
export function emitPageTable(e: Emitter, bases: KernelBases): void {
  e.label('page');
  e.get(R7, 'mm');
  e.checkAddress(R7, 'odd');
  e.read(R7, [R6, e.layout.mmTable]);
  e.get(R8, 'address');
  for (const shift of tableShifts(bases.fiveLevels)) emitLevel(e, bases, shift);

  e.label('compare');
  e.get(R1, 'expected');
  e.jumpIf('not', R1, reg(R6), 'behind');
  e.get(R1, 'found');
  e.compute('add', R1, 1);
  e.set('found', R1);
  e.get(R1, 'recorded');
  e.jumpIf('not', R1, 0, 'behind');
  e.set('span', R7);
  emitRecord(e);
  e.get(R7, 'span');

  // R7 = bytes that the entry covers, less one.
  e.label('behind');
  e.get(R8, 'address');
  e.move(R1, reg(R8));
  e.compute('or', R1, reg(R7));
  e.compute('add', R1, 1);
  e.set('address', R1);
  e.move(R2, reg(R1));
  e.compute('subtract', R2, reg(R8));
  e.compute('right', R2, PAGE_SHIFT);
  e.get(R3, 'expected');
  e.compute('add', R3, reg(R2));
  e.set('expected', R3);
  e.setValue('state', STATE.page);
  e.get(R2, 'end');
  e.jumpIf('below', R1, reg(R2), 'continue');
  e.jump('next');
}

/** R6 = table, R8 = address. Leaves the next table in R6, or ends with the frame in R6. */
function emitLevel(e: Emitter, bases: KernelBases, shift: number): void {
  const present = e.fresh('present');
  e.constant(R7, (1n << BigInt(shift)) - 1n);
  e.checkAddress(R6, 'behind');
  e.move(R3, reg(R8));
  e.compute('right', R3, shift);
  e.compute('and', R3, INDEX_MASK);
  e.compute('left', R3, ENTRY_BYTES_SHIFT);
  e.compute('add', R6, reg(R3));
  e.read(R6, [R6, 0]);
  e.move(R1, reg(R6));
  e.compute('and', R1, PRESENT);
  if (shift === PAGE_SHIFT) {
    e.jumpIf('not', R1, 0, present);
    emitHidden(e, NO_ACCESS);
    e.label(present);
    emitFrame(e, shift);
    return;
  }
  if (!huge.has(shift)) {
    e.jumpIf('equal', R1, 0, 'behind');
  } else {
    const table = e.fresh('table');
    const leaf = e.fresh('leaf');
    e.jumpIf('not', R1, 0, present);
    emitHidden(e, HUGE | NO_ACCESS);
    e.jump(leaf);
    e.label(present);
    e.move(R1, reg(R6));
    e.compute('and', R1, HUGE);
    e.jumpIf('equal', R1, 0, table);
    e.label(leaf);
    emitFrame(e, shift);
    e.jump('compare');
    e.label(table);
  }
  e.constant(R1, ENTRY_FRAME);
  e.compute('and', R6, reg(R1));
  e.constant(R1, bases.directMap);
  e.compute('add', R6, reg(R1));
}

/** An entry in R6 that is not present maps memory all the same if it has these bits; else there is nothing. */
function emitHidden(e: Emitter, bits: number): void {
  e.move(R1, reg(R6));
  e.compute('and', R1, bits);
  e.jumpIf('not', R1, bits, 'behind');
  e.compute('xor', R6, -1);
}

/** R6 := the frame that this entry maps at the address in R8. */
function emitFrame(e: Emitter, shift: number): void {
  e.constant(R1, ENTRY_FRAME & ~((1n << BigInt(shift)) - 1n));
  e.compute('and', R6, reg(R1));
  e.compute('right', R6, PAGE_SHIFT);
  if (shift === PAGE_SHIFT) return;
  e.move(R1, reg(R8));
  e.compute('right', R1, PAGE_SHIFT);
  e.compute('and', R1, 2 ** (shift - PAGE_SHIFT) - 1);
  e.compute('add', R6, reg(R1));
}
