import { createIdlePageSource } from '../../../runtime/telemetry/sensor-idle-pages.ts';
import { openFrameFiles } from '../../../runtime/telemetry/sensor-idle/frame-files.ts';
import type { LookChoice } from '../../../runtime/telemetry/sensor-idle/idle-limits.ts';
import type { TelemetrySource } from '../../../runtime/telemetry/source.ts';
import { framesOf } from './frames.ts';
import type { Memory } from './memory.ts';
import { demand } from './services.ts';

/** A row of a sample. */
export interface Row {
  readonly frame: number;
  readonly pages: number;
  readonly node: number;
  readonly accesses: number;
  readonly flags: number;
  readonly covered: boolean;
}

/** A source in this process, over the files of this machine. */
export function openSource(
  choice: LookChoice & { readonly nodes?: readonly number[] },
  cgroup?: string,
): TelemetrySource {
  return createIdlePageSource({
    ...{ ...choice, memory: demand(openFrameFiles('/', cgroup)), samplingPeriod: 1 },
    ...{ nowMs: () => performance.now(), uniform: Math.random },
  });
}

export async function look(source: TelemetrySource): Promise<Row[]> {
  const { pageNumber, pages, node, accesses, flags, coverage } = demand(await source.next()).rows;
  return Array.from(pageNumber, (frame, row) => ({
    ...{ frame, pages: pages[row] as number, node: node[row] as number },
    ...{ accesses: accesses[row] as number, flags: flags[row] as number, covered: coverage[row] === 255 },
  }));
}

/** Which frames a workload touched since the last look: what a sample has to say. */
export interface Touches {
  /** Heads that were touched, and heads that were not. */
  readonly touched: ReadonlySet<number>;
  readonly untouched: ReadonlySet<number>;
}

/** Writes to every `step`-th folio of the memory, from `from` on; the frames as they are then. */
export async function touch(memory: Memory, unit: number, from: number, step: number): Promise<Touches> {
  const { workload, owner } = memory.process;
  const { page, pages } = memory;
  const start = page + from * unit;
  if (step > 0) await workload.ask(`write ${start * 4096} ${pages - from * unit} ${step * unit}`);
  const heads = [...framesOf(owner.pid, page, pages)].filter((_, at) => at % unit === 0);
  const isTouched = (_: number, at: number) => step > 0 && at >= from && (at - from) % step === 0;
  return {
    touched: new Set(heads.filter(isTouched)),
    untouched: new Set(heads.filter((head, at) => !isTouched(head, at))),
  };
}

/** Folios that a sample tells wrongly: missing, not looked at, or with another word on the access. */
export function countWrong(rows: readonly Row[], { touched, untouched }: Touches): number {
  const byFrame = new Map(rows.map((row) => [row.frame, row]));
  const isWrong = (head: number, accesses: number) => {
    const row = byFrame.get(head);
    return !row?.covered || row.accesses !== accesses;
  };
  return (
    [...touched].filter((head) => isWrong(head, 1)).length +
    [...untouched].filter((head) => isWrong(head, 0)).length
  );
}

export const union = (...all: readonly Touches[]): Touches => ({
  touched: new Set(all.flatMap((each) => [...each.touched])),
  untouched: new Set(all.flatMap((each) => [...each.untouched])),
});
