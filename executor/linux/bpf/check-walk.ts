import { MAPPERS } from '../../frame-mappers.ts';
import { failure, success, type Result } from '../../result.ts';
import type { FrameWalk } from '../find-mappers.ts';
import { createOwnPage, type OwnPageFault } from './own-page.ts';

/** A page may migrate while it is asked for; hardly several times running. */
const attemptsMax = 4;

/** Pages of our own must be found to be ours, at the address where they are, and nobody else's. */
export function checkWalk(walk: FrameWalk): Result<true, OwnPageFault | 'self-check-failed'> {
  let why = '';
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const page = createOwnPage();
    if (!page.ok) return page;
    const { frame, address, close } = page.value;
    const found = walk.find(Float64Array.of(frame));
    close();
    if (!found.ok) return failure('self-check-failed', found.message);
    const { pid, pageNumber, answer } = found.value;
    const isOurs = pid.length === 1 && pid[0] === process.pid && pageNumber[0] === address / 4_096;
    if (isOurs && answer[0] === MAPPERS.complete) return success(true);
    why = `${pid.length} mappers, process ${pid[0]}, answer ${answer[0]}`;
  }
  return failure(
    'self-check-failed',
    `the walk does not find a page of this very process (${why}); frames resolve by the scan`,
  );
}
