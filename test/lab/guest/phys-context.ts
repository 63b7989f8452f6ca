import type { FrameMover } from '../../../executor/linux/move-phys-pages.ts';
import { framesOf } from './frames.ts';
import type { KindsProcess, Memory } from './memory.ts';
import type { Reporter } from './reporter.ts';
import { migratedPages } from './truth.ts';

export const SOURCE = 1;
export const TARGET = 2;
/** Nobody has memory there, so its free frames stay free. */
export const EMPTY = 3;
export const CGROUP = '/workload';
export const PAGES = 512;
export const UNWRITTEN = -1000;
/** As status, negative; as errno. */
export const [ENOENT, ENOMEM, EACCES, EBUSY] = [-2, -12, -13, -16];
export const [EPERM, ENODEV, EINVAL] = [1, 19, 22];

export interface Context {
  readonly mover: FrameMover;
  readonly report: Reporter;
  readonly start: (cgroup?: string) => Promise<KindsProcess>;
}

export type Case = (context: Context) => Promise<void>;

export interface Answer {
  readonly returned: number;
  readonly errno: number;
  readonly status: number[];
  /** By the machine's own counter. */
  readonly migrated: number;
}

export const frames = ({ process, page, pages }: Memory): Float64Array =>
  framesOf(process.owner.pid, page, pages);
export const count = (values: readonly number[], wanted: number): number =>
  values.filter((value) => value === wanted).length;
export const address = ({ page }: Memory): number => page * 4096;

export function move(
  mover: FrameMover,
  frame: Float64Array,
  target: number | readonly number[],
  sharing: 'alone' | 'together' = 'alone',
): Answer {
  const node = Int32Array.from(frame, (_, i) =>
    typeof target === 'number' ? target : (target[i] as number),
  );
  const status = new Int32Array(frame.length).fill(UNWRITTEN);
  const before = migratedPages();
  const { returned, errno } = mover.move(frame, node, status, sharing);
  return { returned, errno, status: [...status], migrated: migratedPages() - before };
}

export function query(mover: FrameMover, frame: Float64Array): number[] {
  const status = new Int32Array(frame.length).fill(UNWRITTEN);
  mover.query(frame, status);
  return [...status];
}
