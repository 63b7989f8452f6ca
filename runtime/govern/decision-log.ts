import { createLineFile } from '../../executor/line-file.ts';
import { failure, success, type Result } from '../../executor/result.ts';
import { decisionLineBytesMax, decisionLogBytesMaxDefault } from '../limits.ts';
import type { Decision } from './decision.ts';

export type DecisionLogFault = 'decision-log-unwritable';

/** Where the engine tells every epoch's story. `append` answers a failure, and never throws. */
export interface DecisionLog {
  append(decision: Decision): Result<void, DecisionLogFault>;
  close(): void;
}

export interface DecisionFileOptions {
  readonly path: string;
  /** A file that would grow beyond this is renamed to `path`.1, replacing the one before. */
  readonly bytesMax?: number;
  /** Puts the time into each line; without it the same run writes the same file. */
  readonly nowMs?: () => number;
}

/** JSON lines, one an epoch. */
export function createDecisionFile(options: DecisionFileOptions): DecisionLog {
  const { path, bytesMax = decisionLogBytesMaxDefault, nowMs } = options;
  const file = createLineFile({ path, bytesMax, lineBytesMax: decisionLineBytesMax });
  return {
    append(decision) {
      const fault = file.append(JSON.stringify(nowMs ? { atMs: nowMs(), ...decision } : decision));
      if (fault === undefined) return success(undefined);
      return failure('decision-log-unwritable', `the decision log ${path} ${fault}`);
    },
    close: file.close,
  };
}
