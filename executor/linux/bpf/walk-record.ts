import { R1, R2, R3, R6, R7, R8, R9, reg } from './assembler.ts';
import type { Emitter } from './emitter.ts';
import { MAPPER_BOUNDS } from '../mapper-bounds.ts';
import {
  HEADER,
  HEADERS_AT,
  POLICY_OF_TASK,
  ROW,
  ROWS_AT,
  ROWS_MAX,
  STATE,
  type Slot,
} from './walk-memory.ts';

/** Writes a row about the mapping in hand, whose page table maps the frame. R8 = address. */
export function emitRecord(e: Emitter): void {
  const { layout } = e;
  e.setValue('recorded', 1);
  e.get(R1, 'rows');
  e.move(R6, reg(R1));
  e.compute('add', R1, 1);
  e.set('rows', R1);
  e.compute('and', R6, ROWS_MAX - 1);
  e.compute('left', R6, 6);
  e.compute('add', R6, reg(R9));
  e.compute('add', R6, ROWS_AT);
  e.store(R6, ROW.address, R8);
  emitCopy(e, ROW.cursor, 'cursor');
  emitCopy(e, ROW.kind, 'kind');
  e.get(R7, 'vma');
  e.get(R1, 'knownVma');
  e.jumpIf('equal', R1, reg(R7), 'known');

  for (const slot of ['knownPid', 'knownNodes', 'knownPolicy'] as const) e.setValue(slot, 0);
  e.set('knownVma', R7);
  e.read(R7, [R1, layout.vmaFlags], [R7, layout.vmaPolicy]);
  e.set('knownFlags', R1);
  emitOwner(e);
  emitPolicy(e);

  e.label('known');
  emitCopy(e, ROW.pid, 'knownPid');
  emitCopy(e, ROW.policy, 'knownPolicy');
  e.get(R1, 'knownFlags');
  e.store(R6, ROW.vmaFlags, R1);
  e.get(R1, 'knownNodes');
  e.store(R6, ROW.nodes, R1);
}

/**
 * The process: by its leader's id while the leader has the memory, else by the id of a thread that has. R7, the
 * mapping's policy, goes to `left`.
 */
function emitOwner(e: Emitter): void {
  const { layout } = e;
  e.set('left', R7);
  e.get(R7, 'mm');
  e.read(R7, [R8, layout.mmOwner]);
  e.checkAddress(R8, 'known');
  e.read(R8, [R3, layout.taskMm]);
  e.jumpIf('not', R3, reg(R7), 'known');
  e.set('task', R8);
  e.read(R8, [R3, layout.taskNodes]);
  e.set('knownNodes', R3);
  e.read(R8, [R3, layout.taskPid, 'word']);
  e.set('knownPid', R3);
  e.read(R8, [R8, layout.taskLeader]);
  e.checkAddress(R8, 'owner known');
  e.read(R8, [R3, layout.taskMm]);
  e.jumpIf('not', R3, reg(R7), 'owner known');
  e.read(R8, [R3, layout.taskPid, 'word']);
  e.set('knownPid', R3);
  e.label('owner known');
}

/** The mapping's own memory policy or, as numa_maps shows it too, that of the task. */
function emitPolicy(e: Emitter): void {
  const { layout } = e;
  e.move(R8, 0);
  e.get(R7, 'left');
  e.jumpIf('not', R7, 0, 'policy');
  e.move(R8, POLICY_OF_TASK);
  e.get(R7, 'task');
  e.read(R7, [R7, layout.taskPolicy]);
  e.jumpIf('not', R7, 0, 'policy');
  e.compute('or', R8, 1);
  e.jump('policy known');
  e.label('policy');
  e.checkAddress(R7, 'known');
  e.read(R7, [R3, layout.policyMode, 'word']);
  e.compute('and', R3, 0xff);
  e.compute('add', R3, 2);
  e.compute('or', R8, reg(R3));
  e.label('policy known');
  e.set('knownPolicy', R8);
}

/** Ends the frame: its header, and its rows count. */
export function emitStore(e: Emitter): void {
  e.label('store');
  e.get(R7, 'cursor');
  e.move(R6, reg(R7));
  e.compute('and', R6, MAPPER_BOUNDS.walkFramesPerCall - 1);
  e.compute('left', R6, 4);
  e.compute('add', R6, reg(R9));
  e.compute('add', R6, HEADERS_AT);
  emitCopy(e, HEADER.flags, 'flags');
  emitCopy(e, HEADER.found, 'found');
  emitCopy(e, HEADER.mapcount, 'mapcount');
  emitCopy(e, HEADER.pages, 'pages');
  e.get(R1, 'rows');
  e.set('rowsDone', R1);
  e.compute('add', R7, 1);
  e.set('cursor', R7);
  e.setValue('state', STATE.fetch);
}

/** A slot into 32 bits behind R6. */
function emitCopy(e: Emitter, offset: number, slot: Slot): void {
  e.get(R2, slot);
  e.store(R6, offset, R2, 'word');
}
