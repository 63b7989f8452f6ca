/**
 * What became of one entry of a plan: a closed set with stable numbers, since policies see them as a
 * column of bytes and journals keep them. Below 16: not a refusal. Never renumber; append.
 */
export const VERDICT = {
  /** The entry was not part of the last plan. */
  none: 0,
  /** Elsewhere before, at the target after; a statement about placement, not about who caused it. */
  moved: 1,
  /** Already at the target. */
  'in-place': 2,
  /** Never reached: an earlier round used up time or the plan was stopped. */
  'not-attempted': 3,
  /** `check` only: the entry passed validation and would have been submitted. */
  permitted: 4,

  /** The target has no room above watermark, reserve and headroom, or the scope reached its limit there. */
  'no-room': 16,
  /** The scope's pages per epoch are used up. */
  'over-budget': 17,
  /** There is no such node now. */
  'target-unknown': 18,
  /** The limits file does not allow this scope to use this node, or this pair of nodes. */
  'target-forbidden': 19,
  /** The owner does not belong to the plan's scope. */
  'out-of-scope': 20,
  /** The owner is protected by the limits file. */
  protected: 21,
  /** The process exited or replaced its memory (exec). */
  'owner-gone': 22,
  /** Nothing is mapped there now. */
  'not-present': 23,
  /** Mapped by more than one process; moving it would move another's memory. */
  shared: 24,
  mlocked: 25,
  hugetlb: 26,
  /** The memory policy of its VMA binds it (mbind, set_mempolicy). */
  'policy-bound': 27,
  /** The target lies outside the owner's cpuset. */
  cpuset: 28,
  /** The kernel does not manage it on an LRU list (special mapping, zero page, kernel memory). */
  unmovable: 29,
  /** The entry covers part of a huge folio and the limits file says to refuse that. */
  'partial-huge': 30,
  /** The kernel could not take it just now (pinned, under writeback, isolated). */
  busy: 31,
  /** Another entry of the same plan named the same folio before. */
  duplicate: 32,
  /** The page is at neither its source nor its target. */
  elsewhere: 33,
  /** The page was there before the call and is mapped no more. */
  vanished: 34,
  /** The kernel refused it for a reason the journal names. */
  'kernel-refused': 35,
  /** Where the page is could not be established. */
  unknown: 36,
  /** No enabled backend can carry out this entry (for example: to swap). */
  unsupported: 37,
  /** The frame is free memory. */
  free: 38,
  /** The frame belongs to the kernel: slab, page tables, reserved. */
  'kernel-memory': 39,
  /** The frame was taken offline, or there is no memory. */
  offline: 40,
  /** The frame has a hardware error. */
  poisoned: 41,
  /** The frame no longer holds what it held when the plan was resolved. */
  reused: 42,
} as const;

export type VerdictName = keyof typeof VERDICT;
export type Verdict = (typeof VERDICT)[VerdictName];

const names = new Map<number, VerdictName>(
  (Object.entries(VERDICT) as [VerdictName, Verdict][]).map(([name, id]) => [id, name]),
);

/** The name of a verdict byte, or undefined for a number outside the set. */
export function verdictName(id: number): VerdictName | undefined {
  return names.get(id);
}

/** Whether a verdict is a refusal (the entry was wished and did not come about). */
export function isRejection(id: number): boolean {
  return id >= 16;
}
