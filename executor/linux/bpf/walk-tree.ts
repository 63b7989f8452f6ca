import { R1, R2, R3, R6, R7, R8, R9, reg, type Register } from './assembler.ts';
import type { Emitter } from './emitter.ts';
import { MAPPER_BOUNDS } from '../mapper-bounds.ts';
import { KIND, STACK_AT, STACK_DEPTH, STATE } from './walk-memory.ts';

const PAGE_SHIFT = 12;
const PAGE_BYTES = 4_096;

/** Puts the tree node in R3 on the stack unless there is none. */
export function emitPush(e: Emitter): void {
  const nothing = e.fresh('nothing');
  e.jumpIf('equal', R3, 0, nothing);
  e.get(R2, 'stack');
  e.jumpIf('atLeast', R2, STACK_DEPTH, 'truncated');
  emitStackPlace(e, R1, R2);
  e.store(R1, STACK_AT, R3);
  e.compute('add', R2, 1);
  e.set('stack', R2);
  e.label(nothing);
}

/** Counts a step against the frame. */
export function emitStep(e: Emitter): void {
  e.get(R1, 'steps');
  e.compute('add', R1, 1);
  e.set('steps', R1);
  e.jumpIf('above', R1, MAPPER_BOUNDS.walkStepsPerFrame, 'truncated');
}

/**
 * Takes one node off the stack of an interval tree (include/linux/interval_tree_generic.h): all mappings of an
 * object, ordered by their first page, each knowing the last page below it. Parts that end too early or
 * begin too late are left out.
 */
export function emitNode(e: Emitter): void {
  const { layout } = e;
  e.label('node');
  e.get(R6, 'stack');
  e.jumpIf('equal', R6, 0, 'next');
  emitStep(e);
  e.compute('subtract', R6, 1);
  e.set('stack', R6);
  emitStackPlace(e, R1, R6);
  e.loadFrom(R6, R1, STACK_AT);
  e.checkAddress(R6, 'odd');
  e.get(R1, 'kind');
  e.jumpIf('equal', R1, KIND.file, 'node of a file');

  e.compute('subtract', R6, layout.chainNode);
  e.read(
    R6,
    [R7, layout.chainVma],
    [R8, layout.chainAnon],
    [R1, layout.chainNode + layout.nodeLeft],
    [R2, layout.chainNode + layout.nodeRight],
    [R3, layout.chainLast],
  );
  emitSaveNode(e);
  e.get(R1, 'object');
  e.jumpIf('not', R1, reg(R8), 'odd');
  e.jump('mapping');

  e.label('node of a file');
  e.move(R7, reg(R6));
  e.compute('subtract', R7, layout.vmaNode);
  e.read(R6, [R1, layout.nodeLeft], [R2, layout.nodeRight], [R3, layout.vmaLast - layout.vmaNode]);
  emitSaveNode(e);

  e.label('mapping');
  e.checkAddress(R7, 'odd');
  e.set('vma', R7);
  emitRange(e);
}

function emitSaveNode(e: Emitter): void {
  e.set('left', R1);
  e.set('right', R2);
  e.set('nodeLast', R3);
}

/** R7 = mapping. Works out where in it the folio would be: from `address` to `end`, at first `expected`. */
function emitRange(e: Emitter): void {
  const { layout } = e;
  e.get(R6, 'kind');
  e.jumpIf('equal', R6, KIND.ksm, 'in reach');
  e.get(R1, 'nodeLast');
  e.get(R2, 'first');
  e.jumpIf('below', R1, reg(R2), 'next');
  e.label('in reach');
  e.get(R3, 'left');
  emitPush(e);
  e.read(R7, [R6, layout.vmaStart], [R8, layout.vmaOffset], [R3, layout.vmaMm], [R7, layout.vmaEnd]);
  e.set('mm', R3);
  e.get(R1, 'kind');
  e.jumpIf('equal', R1, KIND.ksm, 'by address');

  e.get(R1, 'last');
  e.jumpIf('above', R8, reg(R1), 'next');
  e.get(R3, 'right');
  emitPush(e);
  e.get(R1, 'last');
  e.compute('add', R1, 1);
  emitAddressOf(e, R1);
  e.jumpIf('below', R1, reg(R7), 'end known');
  e.move(R1, reg(R7));
  e.label('end known');
  e.set('end', R1);
  e.get(R1, 'first');
  e.get(R2, 'frame');
  e.jumpIf('below', R8, reg(R1), 'begins before');
  e.compute('add', R2, reg(R8));
  e.compute('subtract', R2, reg(R1));
  e.move(R1, reg(R6));
  e.jump('begin known');
  e.label('begins before');
  emitAddressOf(e, R1);
  e.label('begin known');
  e.set('expected', R2);
  e.set('address', R1);
  e.get(R2, 'end');
  e.jumpIf('atLeast', R1, reg(R2), 'next');
  e.jump('found a mapping');

  // A KSM page is at the same address in every process that came to it by fork.
  e.label('by address');
  e.get(R3, 'right');
  emitPush(e);
  e.get(R1, 'stableAddress');
  e.jumpIf('below', R1, reg(R6), 'next');
  e.jumpIf('atLeast', R1, reg(R7), 'next');
  e.set('address', R1);
  e.compute('add', R1, PAGE_BYTES);
  e.set('end', R1);
  e.get(R1, 'frame');
  e.set('expected', R1);

  e.label('found a mapping');
  e.setValue('recorded', 0);
  e.jump('page');
}

/** Turns a page offset in `register` into the address in the mapping that starts at R6 with offset R8. */
function emitAddressOf(e: Emitter, register: Register): void {
  e.compute('subtract', register, reg(R8));
  e.compute('left', register, PAGE_SHIFT);
  e.compute('add', register, reg(R6));
}

/** The next of the processes whose equal pages KSM made one: each brings a tree of its own. */
export function emitStableItem(e: Emitter): void {
  const { layout } = e;
  e.label('stable');
  e.get(R6, 'stableItem');
  e.jumpIf('equal', R6, 0, 'store');
  emitStep(e);
  e.checkAddress(R6, 'odd');
  e.compute('subtract', R6, layout.itemNode);
  e.read(R6, [R7, layout.itemAnon], [R8, layout.itemAddress], [R3, layout.itemNode], [R1, layout.itemHead]);
  e.get(R2, 'stableNode');
  e.jumpIf('not', R1, reg(R2), 'odd');
  e.set('stableItem', R3);
  e.compute('and', R8, -PAGE_BYTES);
  e.set('stableAddress', R8);
  e.set('object', R7);
  e.checkAddress(R7, 'odd');
  e.read(R7, [R3, layout.anonTree]);
  e.setValue('state', STATE.node);
  emitPush(e);
  e.jump('continue');
}

/** After a mapping or the last page of one: the next node, the next KSM item, or the frame is done. */
export function emitNext(e: Emitter): void {
  e.label('next');
  e.setValue('state', STATE.node);
  e.get(R1, 'stack');
  e.jumpIf('not', R1, 0, 'continue');
  e.get(R1, 'kind');
  e.jumpIf('not', R1, KIND.ksm, 'store');
  e.setValue('state', STATE.stable);
  e.jump('continue');
}

function emitStackPlace(e: Emitter, to: Register, index: Register): void {
  e.move(to, reg(index));
  e.compute('and', to, STACK_DEPTH - 1);
  e.compute('left', to, 3);
  e.compute('add', to, reg(R9));
}
