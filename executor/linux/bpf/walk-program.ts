import { MAPPER_BOUNDS } from '../mapper-bounds.ts';
import { R0, R1, R2, R3, R4, R9 } from './assembler.ts';
import type { Program } from './bpf-call.ts';
import { createEmitter, type Emitter, type KernelBases } from './emitter.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { emitFetch } from './walk-fetch.ts';
import { FLAG, STATE } from './walk-memory.ts';
import { emitPageTable } from './walk-page-table.ts';
import { emitStore } from './walk-record.ts';
import { emitNext, emitNode, emitStableItem, emitStep } from './walk-tree.ts';

const HELPER_LOOP = 181;

/**
 * The walk: for each frame from its struct page to every page table that maps it, as rmap_walk (mm/rmap.c)
 * does, but without locks and only reading. It never follows a pointer it has not checked, and it ends: one
 * step per turn of bpf_loop, so many per frame and so many per call.
 */
export function assembleWalk(layout: KernelLayout, bases: KernelBases, mapFd: number): Program {
  const e = createEmitter(layout, bases);
  emitMain(e, mapFd);
  e.label('step');
  e.mapValue(R9, mapFd, 0);
  e.get(R1, 'state');
  e.jumpIf('equal', R1, STATE.node, 'node');
  e.jumpIf('equal', R1, STATE.page, 'another page');
  e.jumpIf('equal', R1, STATE.stable, 'stable');
  emitFetch(e, bases);
  emitNode(e);
  e.label('another page');
  emitStep(e);
  emitPageTable(e, bases);
  emitStableItem(e);
  emitNext(e);
  emitEnds(e);
  return { code: e.finish(), callbackAt: e.placeOf('step') };
}

/** Memory that structures lie in is not given back between lock and unlock, though it may be taken anew. */
function emitMain(e: Emitter, mapFd: number): void {
  e.mapValue(R9, mapFd, 0);
  e.setValue('state', STATE.fetch);
  e.setValue('knownVma', 0);
  e.kernelFunction(e.layout.rcuLock);
  e.move(R1, MAPPER_BOUNDS.walkStepsPerCall);
  e.callback(R2, 'step');
  e.move(R3, 0);
  e.move(R4, 0);
  e.helper(HELPER_LOOP);
  e.kernelFunction(e.layout.rcuUnlock);
  e.move(R0, 0);
  e.exit();
}

/** How a step ends: with the frame given up, with the frame stored, or with more to do. */
function emitEnds(e: Emitter): void {
  const ends = [
    ['outside', FLAG.outside],
    ['not a head', FLAG.notHead],
    ['truncated', FLAG.truncated],
    ['odd', FLAG.odd],
  ] as const;
  for (const [label, flag] of ends) {
    e.label(label);
    e.get(R1, 'flags');
    e.compute('or', R1, flag);
    e.set('flags', R1);
    e.jump('store');
  }
  emitStore(e);
  e.label('continue');
  e.move(R0, 0);
  e.exit();
  e.label('stop');
  e.move(R0, 1);
  e.exit();
}
