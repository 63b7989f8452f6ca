import { R0, R1, R2, R3, R4, R6, R7, R8, R9, reg } from './assembler.ts';
import type { Emitter, KernelBases } from './emitter.ts';
import { MAPPER_BOUNDS } from '../mapper-bounds.ts';
import { FLAG, FRAMES_AT, KIND, ROWS_MAX, STATE } from './walk-memory.ts';
import { emitPush } from './walk-tree.ts';

const PAGE_STRUCT_SHIFT = 6;
const PAGE_STRUCT_BYTES = 64;
/** A folio of 1 GiB; include/linux/mmzone.h, MAX_FOLIO_ORDER. */
const ORDER_MAX = 18;

/** Takes the next frame: from its struct page to the root of the tree of those who may map it. */
export function emitFetch(e: Emitter, bases: KernelBases): void {
  const { walkFramesPerCall, walkStepsPerFrame } = MAPPER_BOUNDS;
  e.label('fetch');
  e.get(R6, 'cursor');
  e.get(R7, 'frames');
  e.jumpIf('atLeast', R6, reg(R7), 'stop');
  e.jumpIf('atLeast', R6, walkFramesPerCall, 'stop');
  e.get(R1, 'rows');
  e.jumpIf('above', R1, ROWS_MAX - walkStepsPerFrame, 'stop');
  for (const slot of ['stack', 'steps', 'found', 'mapcount', 'pages', 'flags'] as const) e.setValue(slot, 0);
  e.compute('and', R6, walkFramesPerCall - 1);
  e.compute('left', R6, 2);
  e.compute('add', R6, reg(R9));
  e.loadFrom(R8, R6, FRAMES_AT, 'word');
  e.set('frame', R8);
  e.constant(R1, BigInt(bases.frameEnd));
  e.jumpIf('atLeast', R8, reg(R1), 'outside');
  e.compute('left', R8, PAGE_STRUCT_SHIFT);
  e.constant(R1, bases.frames);
  e.compute('add', R8, reg(R1));
  emitPage(e);
  emitMapping(e);
}

/** R8 = struct page. Frames that nobody can map are done here, with no mapping found of none. */
function emitPage(e: Emitter): void {
  const { layout } = e;
  e.read(
    R8,
    [R6, layout.pageFlags],
    [R7, layout.pageCompoundHead],
    [R1, layout.pageMapping],
    [R2, layout.pageIndex],
    [R3, layout.pageRefcount, 'word'],
    [R4, PAGE_STRUCT_BYTES + layout.pageCompoundHead],
  );
  e.set('object', R1);
  e.set('first', R2);
  e.compute('and', R7, 1);
  e.jumpIf('not', R7, 0, 'not a head');
  e.jumpIf('equal', R3, 0, 'store');
  e.loadFrom(R2, R0, layout.pageMapcount - layout.pageFlags, 'word');
  e.compute('right', R6, layout.headBit);
  e.compute('and', R6, 1);
  e.jumpIf('not', R6, 0, 'large');

  // _mapcount of a page that is mapped nowhere is -1; other negative numbers are types of kernel pages.
  e.move(R1, reg(R2));
  e.compute('right', R1, 31);
  e.jumpIf('not', R1, 0, 'store');
  e.move(R3, 1);
  e.jump('counted');

  // The second struct page of a true head points back to it; that of a copy (hugetlb vmemmap optimisation) does not.
  e.label('large');
  e.compute('subtract', R4, 1);
  e.jumpIf('not', R4, reg(R8), 'not a head');
  e.loadFrom(R4, R0, layout.folioOrder - layout.pageFlags);
  e.compute('and', R4, 0xff);
  e.jumpIf('above', R4, ORDER_MAX, 'odd');
  e.move(R3, 1);
  e.compute('left', R3, reg(R4));
  e.compute('add', R2, 1);
  e.move(R1, reg(R2));
  e.compute('right', R1, 31);
  e.jumpIf('not', R1, 1, 'untyped');
  e.compute('right', R2, 24);
  e.jumpIf('not', R2, layout.hugetlbType, 'store');
  e.label('untyped');
  e.loadFrom(R2, R0, layout.folioMapcount - layout.pageFlags, 'word');

  e.label('counted');
  e.compute('add', R2, 1);
  e.compute('left', R2, 32);
  e.compute('right', R2, 32);
  e.set('mapcount', R2);
  e.set('pages', R3);
  e.jumpIf('equal', R2, 0, 'store');
  e.get(R1, 'first');
  e.compute('add', R1, reg(R3));
  e.compute('subtract', R1, 1);
  e.set('last', R1);
}

/** The low bits of folio->mapping say of what kind it is; include/linux/page-flags.h, PAGE_MAPPING_FLAGS. */
function emitMapping(e: Emitter): void {
  const { layout } = e;
  e.get(R8, 'object');
  e.jumpIf('equal', R8, 0, 'store');
  e.move(R1, reg(R8));
  e.compute('and', R1, 3);
  e.jumpIf('equal', R1, 0, 'of a file');
  e.jumpIf('equal', R1, 3, 'of ksm');
  e.jumpIf('equal', R1, 2, 'store');

  e.compute('subtract', R8, 1);
  e.set('object', R8);
  e.setValue('kind', KIND.anonymous);
  e.checkAddress(R8, 'odd');
  e.read(R8, [R6, layout.anonRoot], [R7, layout.anonTree]);
  // Memory that was freed and taken for something else would not be a root of itself.
  e.checkAddress(R6, 'odd');
  e.read(R6, [R3, layout.anonRoot]);
  e.jumpIf('not', R3, reg(R6), 'odd');
  e.jump('root');

  e.label('of ksm');
  e.compute('subtract', R8, 3);
  e.setValue('flags', FLAG.ksm);
  e.checkAddress(R8, 'odd');
  e.set('stableNode', R8);
  e.read(R8, [R3, layout.stableItems]);
  e.set('stableItem', R3);
  e.setValue('kind', KIND.ksm);
  e.setValue('state', STATE.stable);
  e.jump('continue');

  e.label('of a file');
  e.setValue('kind', KIND.file);
  e.checkAddress(R8, 'odd');
  e.read(R8, [R6, layout.spaceHost], [R7, layout.spaceTree]);
  e.checkAddress(R6, 'odd');
  e.compute('add', R6, layout.inodeSpace);
  e.jumpIf('not', R6, reg(R8), 'odd');

  e.label('root');
  e.setValue('state', STATE.node);
  e.move(R3, reg(R7));
  emitPush(e);
}
