import { mkdirSync, writeFileSync } from 'node:fs';
import { FRAMES_PER_CALL_MAX, FRAME_END, openFrameMover } from '../../../executor/linux/move-phys-pages.ts';
import { FRAME_BIT, findFrame } from './frames.ts';
import {
  EACCES,
  EINVAL,
  EMPTY,
  ENODEV,
  ENOENT,
  EPERM,
  SOURCE,
  TARGET,
  UNWRITTEN,
  count,
  frames,
  move,
  query,
} from './phys-context.ts';
import type { Case } from './phys-context.ts';

const NOBODY = 65_534;

/** Frames that are nobody's memory, asked for and ordered away. */
export const absent: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('zero', 1, SOURCE);
  const frame = Float64Array.of(
    findFrame(EMPTY, FRAME_BIT.buddy),
    findFrame(0, FRAME_BIT.slab),
    (frames(memory)[0] as number) || findFrame(0, FRAME_BIT.zero),
    0x1000,
    2 ** 30,
    2 ** 40 - 1,
  );
  report.fact('absent.queried', count(query(mover, frame), ENOENT));
  const answer = move(mover, frame, TARGET, 'together');
  report.fact('absent.refused', count(answer.status, ENOENT));
  report.fact('absent.migrated', answer.migrated);
  report.fact('absent.returned', answer.returned);
};

/** A target that is no node: nothing moves. */
export const unknown: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('plain', 64, SOURCE);
  const targets = (bad: number) => Array.from({ length: 64 }, (_, i) => (i === 40 ? bad : TARGET));
  const answers = [7, 9, -1].map((bad) => move(mover, frames(memory), targets(bad)));
  report.fact('unknown.refused', answers.filter(({ errno }) => errno === ENODEV).length);
  report.fact(
    'unknown.migrated',
    answers.reduce((sum, { migrated }) => sum + migrated, 0),
  );
};

/** The cpuset of whoever maps a frame decides, and of everybody who does. */
export const cpusets: Case = async ({ mover, report, start }) => {
  mkdirSync('/sys/fs/cgroup/narrow', { recursive: true });
  writeFileSync('/sys/fs/cgroup/narrow/cpuset.mems', `0-${SOURCE}`);
  const memory = await (await start('/narrow')).map('plain', 64, SOURCE);
  const refused = move(mover, frames(memory), TARGET, 'together');
  report.fact('cpuset.refused', count(refused.status, EACCES));
  report.fact('cpuset.migrated', refused.migrated);
  report.fact('cpuset.allowed', count(move(mover, frames(memory), 0).status, 0));
};

/** Without CAP_SYS_ADMIN not even a question is answered. */
export const unprivileged: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('plain', 1, SOURCE);
  const frame = frames(memory);
  const status = Int32Array.of(UNWRITTEN);
  process.seteuid?.(NOBODY);
  const answers = [mover.query(frame, status), mover.move(frame, Int32Array.of(TARGET), status, 'alone')];
  const opened = openFrameMover(480, () => 0);
  process.seteuid?.(0);
  report.fact('unprivileged.refused', answers.filter(({ errno }) => errno === EPERM).length);
  report.fact('unprivileged.written', status[0] === UNWRITTEN ? 0 : 1);
  report.fact('unprivileged.told', !opened.ok && opened.code === 'permission-missing' ? 1 : 0);
  const elsewhere = openFrameMover(490, () => 0);
  report.fact('elsewhere.told', !elsewhere.ok && elsewhere.code === 'syscall-missing' ? 1 : 0);
};

/** Arrays that must not reach the kernel, and the longest that may. */
export const unusable: Case = async ({ mover, report }) => {
  const frame = new Float64Array(64);
  const detached = new Int32Array(64);
  structuredClone(detached, { transfer: [detached.buffer] });
  const short = new Int32Array(63);
  const crossThread = new Int32Array(new SharedArrayBuffer(256));
  const refused = [
    ...[short, detached, crossThread].flatMap((array) => [
      mover.query(frame, array),
      mover.move(frame, array, new Int32Array(64), 'alone'),
    ]),
    mover.query(Float64Array.of(FRAME_END), new Int32Array(1)),
    mover.query(Float64Array.of(NaN), new Int32Array(1)),
  ];
  report.fact('unusable.refused', refused.filter(({ errno }) => errno === EINVAL).length);
  const ask = (length: number) => mover.query(new Float64Array(length), new Int32Array(length));
  report.fact('longest.answered', ask(FRAMES_PER_CALL_MAX).returned);
  report.fact('longer.refused', ask(FRAMES_PER_CALL_MAX + 1).errno);
};
