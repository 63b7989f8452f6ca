import { readFileSync } from 'node:fs';
import { openFrameMover } from '../../../../executor/linux/move-phys-pages.ts';
import type { Driver } from '../driver.ts';
import { markIdle, readIdle } from '../frames.ts';
import { startKinds } from '../memory.ts';
import type { KindsProcess } from '../memory.ts';
import { CGROUP, PAGES, SOURCE, address, frames, move } from '../phys-context.ts';
import type { Case } from '../phys-context.ts';
import { full, fullHuge, huge, moves, pinned, queries, shared, storm } from '../phys-moves.ts';
import { absent, cpusets, unknown, unprivileged, unusable } from '../phys-refusals.ts';

/** Idle bits: set for all, odd pages written, and exactly the others idle afterwards. */
const idle: Case = async ({ mover, report, start }) => {
  const process = await start();
  const memory = await process.map('plain', PAGES, SOURCE);
  // A move that has nothing to do: pages on their way to the LRU arrive there.
  move(mover, frames(memory), SOURCE);
  markIdle(frames(memory));
  report.fact('idle.set', readIdle(frames(memory)).filter(Boolean).length);
  await process.workload.ask(`write ${address(memory) + 4096} ${PAGES - 1} 2`);
  const found = readIdle(frames(memory));
  report.fact('idle.wrong', found.filter((isIdle, page) => isIdle !== (page % 2 === 0)).length);
};

const CASES: readonly Case[] = [
  ...[queries, moves, huge, absent, shared, pinned],
  ...[unknown, full, fullHuge, cpusets, unprivileged, unusable, idle, storm],
];

export const run: Driver = async (scenario, report) => {
  const { syscallNumber = 0 } = scenario.parameters;
  const mover = openFrameMover(syscallNumber, () => Math.round(performance.now() * 1e6));
  if (!mover.ok) throw new Error(`${mover.code}: ${mover.message}`);
  for (const each of CASES) {
    const processes: KindsProcess[] = [];
    const started = performance.now();
    await each({
      mover: mover.value,
      report,
      start: async (cgroup = CGROUP) => {
        const process = await startKinds(cgroup);
        processes.push(process);
        return process;
      },
    });
    for (const { workload } of processes) await workload.kill();
    report.note(each.name, { ms: Math.round(performance.now() - started) });
  }
  // Any warning of the kernel sets a bit there.
  report.fact('kernel.tainted', Number(readFileSync('/proc/sys/kernel/tainted', 'utf8')));
};
