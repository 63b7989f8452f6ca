import { ERRNO } from './errno.ts';
import type { FlowTally } from './flows.ts';
import type { CallResult } from './kernel.ts';
import type { Rows } from './resolve.ts';
import { VERDICT } from './verdict.ts';

/** Preset in `status`: what the kernel left untouched stays recognisable. No errno and no node id. */
export const STATUS_UNTOUCHED = 1_000_000;

/** One call, and where the pages it was about were before and after. */
export interface Asked {
  /** One representative address of each of these was handed to the kernel, in this order. */
  readonly asked: Uint32Array;
  readonly status: Int32Array;
  readonly call: CallResult;
  readonly target: number;
  /** The base pages of `asked[i]` stand at `probeFrom[i]` to `probeFrom[i + 1]` of the two below. */
  readonly probeFrom: Uint32Array;
  /** Node ids, or negative errnos where nothing is mapped. */
  readonly before: Int32Array;
  readonly after: Int32Array;
}

/**
 * Writes verdicts and moved pages from where the pages are; the kernel's own answer only explains why a
 * page stayed (a full node leaves every status untouched although part of the pages moved: do_pages_move in
 * mm/migrate.c). Answers the base pages that moved.
 */
export function reconcile(rows: Rows, asked: Asked, flows: FlowTally): number {
  let movedPages = 0;
  for (let i = 0; i < asked.asked.length; i++) {
    const row = asked.asked[i];
    const seen = countPages(asked, i, flows);
    rows.movedPages[row] += seen.moved;
    movedPages += seen.moved;
    rows.verdict[row] = judge(seen, asked.status[i], asked.call);
  }
  return movedPages;
}

interface Seen {
  moved: number;
  inPlace: number;
  stayed: number;
  elsewhere: number;
  vanished: number;
  unclear: number;
}

function countPages({ probeFrom, before, after, target }: Asked, index: number, flows: FlowTally): Seen {
  const seen: Seen = { moved: 0, inPlace: 0, stayed: 0, elsewhere: 0, vanished: 0, unclear: 0 };
  for (let probe = probeFrom[index]; probe < probeFrom[index + 1]; probe++) {
    const was = before[probe];
    const is = after[probe];
    if (was < 0) continue;
    if (is === target && was === target) seen.inPlace++;
    else if (is === target) {
      seen.moved++;
      flows.add(was, target, 1);
    } else if (is === was) seen.stayed++;
    else if (is >= 0) seen.elsewhere++;
    else if (is === -ERRNO.ENOENT || is === -ERRNO.EFAULT) seen.vanished++;
    else seen.unclear++;
  }
  return seen;
}

/** A folio that arrived in part (the kernel splits huge ones when a node fills up) is not `moved`. */
function judge(seen: Seen, status: number, call: CallResult): number {
  if (seen.unclear > 0) return VERDICT.unknown;
  if (seen.stayed > 0) return explainStay(status, call);
  if (seen.elsewhere > 0) return VERDICT.elsewhere;
  if (seen.vanished > 0) return VERDICT.vanished;
  if (seen.moved > 0) return VERDICT.moved;
  return seen.inPlace > 0 ? VERDICT['in-place'] : VERDICT.vanished;
}

/** Why a page is where it was, by errno; others are `kernel-refused`. */
const STAYED: Readonly<Record<number, number>> = {
  [ERRNO.ENOENT]: VERDICT.busy,
  [ERRNO.EBUSY]: VERDICT.busy,
  [ERRNO.ENOMEM]: VERDICT['no-room'],
  [ERRNO.ENODEV]: VERDICT['target-unknown'],
  [ERRNO.ESRCH]: VERDICT['owner-gone'],
  [ERRNO.EFAULT]: VERDICT.unmovable,
};

function explainStay(status: number, call: CallResult): number {
  if (status === STATUS_UNTOUCHED) {
    // A positive answer counts pages that could not be taken, and names none of them.
    if (call.returned >= 0) return VERDICT.busy;
    return call.errno === ERRNO.EACCES ? VERDICT.cpuset : (STAYED[call.errno] ?? VERDICT['kernel-refused']);
  }
  // Per page, EACCES rests on an estimate of sharing, so it is not reported as `shared`.
  return status >= 0 ? VERDICT.busy : (STAYED[-status] ?? VERDICT['kernel-refused']);
}
