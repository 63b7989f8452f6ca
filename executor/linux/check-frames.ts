import { failure } from '../result.ts';
import { MAPPER_BOUNDS } from './mapper-bounds.ts';

export type FramesFault = 'frames-malformed';

/** The failure of a question that no source can answer. */
export function checkFrames(frame: Float64Array): ReturnType<typeof failure<FramesFault>> | undefined {
  if (frame.length > MAPPER_BOUNDS.framesMax)
    return failure('frames-malformed', `more than ${MAPPER_BOUNDS.framesMax} frames; ask in parts`);
  for (let row = 0; row < frame.length; row++)
    if (
      !Number.isInteger(frame[row]) ||
      frame[row] >= MAPPER_BOUNDS.frameEnd ||
      !(frame[row] > (row === 0 ? 0 : frame[row - 1]))
    )
      return failure(
        'frames-malformed',
        `frame ${frame[row]}: whole, ascending and below 2^32 is what it takes`,
      );
  return undefined;
}
