import { mkdirSync, writeFileSync } from 'node:fs';
import {
  FRAMES_PER_CALL_MAX,
  FRAME_END,
  openFrameMover,
} from '../../../../executor/linux/move-phys-pages.ts';
import type { FrameMover } from '../../../../executor/linux/move-phys-pages.ts';
import type { Driver } from '../driver.ts';
import { FRAME_BIT, findFrame, framesOf, markIdle, readIdle, readNodeOfFrame } from '../frames.ts';
import { startKinds } from '../memory.ts';
import type { KindsProcess, Memory } from '../memory.ts';
import type { Reporter } from '../reporter.ts';
import { migratedPages } from '../truth.ts';

const SOURCE = 1;
const TARGET = 2;
/** Nobody has memory there, so its free frames stay free. */
const EMPTY = 3;
const CGROUP = '/workload';
const PAGES = 512;
const UNWRITTEN = -1000;
const NOBODY = 65_534;
/** As status, negative; as errno. */
const [ENOENT, ENOMEM, EACCES, EBUSY] = [-2, -12, -13, -16];
const [EPERM, ENODEV, EINVAL] = [1, 19, 22];

interface Context {
  readonly mover: FrameMover;
  readonly report: Reporter;
  readonly start: (cgroup?: string) => Promise<KindsProcess>;
}

type Case = (context: Context) => Promise<void>;

interface Answer {
  readonly returned: number;
  readonly errno: number;
  readonly status: number[];
  /** By the machine's own counter. */
  readonly migrated: number;
}

const frames = ({ process, page, pages }: Memory): Float64Array => framesOf(process.owner.pid, page, pages);
const count = (values: readonly number[], wanted: number): number =>
  values.filter((value) => value === wanted).length;
const address = ({ page }: Memory): number => page * 4096;

function move(
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

function query(mover: FrameMover, frame: Float64Array): number[] {
  const status = new Int32Array(frame.length).fill(UNWRITTEN);
  mover.query(frame, status);
  return [...status];
}

/** Three opinions on where pages are: the call's, the memory blocks', the process' own. */
const queries: Case = async ({ mover, report, start }) => {
  const process = await start();
  const nodeOf = readNodeOfFrame();
  let disagreements = 0;
  for (const node of [0, SOURCE, TARGET]) {
    const memory = await process.map('plain', PAGES, node);
    const frame = frames(memory);
    const asked = query(mover, frame);
    const own = await memory.nodes();
    disagreements += asked.filter(
      (value, i) => value !== nodeOf(frame[i] as number) || value !== own[i],
    ).length;
  }
  report.fact('query.disagreements', disagreements);
};

const moves: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('plain', PAGES, SOURCE);
  await memory.stamp();
  const plain = move(mover, frames(memory), TARGET);
  report.fact('move.returned', plain.returned);
  report.fact('move.said', count(plain.status, TARGET));
  report.fact('move.migrated', plain.migrated);
  report.fact('move.true', count(await memory.nodes(), TARGET));
  const again = move(mover, frames(memory), TARGET);
  report.fact('again.said', count(again.status, TARGET));
  report.fact('again.migrated', again.migrated);

  const turns = Array.from({ length: PAGES }, (_, i) => (i % 2 ? 0 : SOURCE));
  const alternating = move(mover, frames(memory), turns);
  const after = await memory.nodes();
  report.fact('alternating.migrated', alternating.migrated);
  report.fact('alternating.wrong', turns.filter((node, i) => after[i] !== node).length);
  report.fact('alternating.lies', turns.filter((_, i) => after[i] !== alternating.status[i]).length);

  const [first] = frames(memory);
  const twice = move(mover, Float64Array.of(first as number, first as number), TARGET);
  report.fact('twice.moved', count(twice.status, TARGET));
  report.fact('twice.busy', count(twice.status, EBUSY));
  report.fact('move.badPages', await memory.badPages());
};

/** A huge folio goes by its first frame and stays whole; its tails are not addresses. */
const huge: Case = async ({ mover, report, start }) => {
  const process = await start();
  writeFileSync(`/sys/devices/system/node/node${SOURCE}/hugepages/hugepages-2048kB/nr_hugepages`, '1');
  for (const kind of ['thp', 'hugetlb'] as const) {
    const memory = await process.map(kind, 512, SOURCE);
    const [head = 0, tail = 0] = frames(memory);
    report.fact(`${kind}.tailAbsent`, count(query(mover, Float64Array.of(tail)), ENOENT));
    report.fact(`${kind}.tailRefused`, count(move(mover, Float64Array.of(tail), TARGET).status, ENOENT));
    report.fact(`${kind}.headMoved`, count(move(mover, Float64Array.of(head), TARGET).status, TARGET));
    report.fact(`${kind}.pagesMoved`, count(await memory.nodes(), TARGET));
    const after = frames(memory);
    report.fact(`${kind}.contiguous`, after.filter((frame, i) => frame === (after[0] as number) + i).length);
  }
};

/** Frames that are nobody's memory, asked for and ordered away. */
const absent: Case = async ({ mover, report, start }) => {
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

/** Shared is what two processes map now, not what two of a family once did. */
const shared: Case = async ({ mover, report, start }) => {
  const process = await start();
  const memory = await process.map('plain', 64, SOURCE);
  await memory.stamp();
  await process.workload.ask('fork');
  const alone = move(mover, frames(memory), TARGET);
  report.fact('shared.refused', count(alone.status, EACCES));
  report.fact('shared.migrated', alone.migrated);
  const together = move(mover, frames(memory), TARGET, 'together');
  report.fact('shared.moved', count(together.status, TARGET));
  report.fact('shared.true', count(await memory.nodes(), TARGET));
  await memory.stamp();
  const copied = move(mover, frames(memory), SOURCE);
  report.fact('copied.moved', count(copied.status, SOURCE));
  await process.workload.ask('reap');
  report.fact('shared.badPages', await memory.badPages());
};

/** One page in 64 is held by a pipe: the others move, and the answer says which one did not. */
const pinned: Case = async ({ mover, report, start }) => {
  const process = await start();
  const memory = await process.map('plain', 64, SOURCE);
  await process.workload.ask(`pin ${address(memory) + 8 * 4096}`);
  const answer = move(mover, frames(memory), TARGET);
  report.fact('pinned.returned', answer.returned);
  report.fact('pinned.moved', count(answer.status, TARGET));
  report.fact('pinned.busyIsThePinned', answer.status[8] === EBUSY ? 1 : 0);
  const after = await memory.nodes();
  report.fact(
    'pinned.lies',
    after.filter((node, i) => (node === TARGET) !== (answer.status[i] === TARGET)).length,
  );
};

/** A target that is no node: nothing moves. */
const unknown: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('plain', 64, SOURCE);
  const targets = (bad: number) => Array.from({ length: 64 }, (_, i) => (i === 40 ? bad : TARGET));
  const answers = [7, 9, -1].map((bad) => move(mover, frames(memory), targets(bad)));
  report.fact('unknown.refused', answers.filter(({ errno }) => errno === ENODEV).length);
  report.fact(
    'unknown.migrated',
    answers.reduce((sum, { migrated }) => sum + migrated, 0),
  );
};

/** A target that fills up on the way: each entry says what became of it. */
const full: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('plain', 12_288, SOURCE);
  await memory.stamp();
  const hog = await start();
  await hog.workload.ask(`fill ${TARGET} 10240`);
  const answer = move(mover, frames(memory), TARGET);
  const after = await memory.nodes();
  const moved = count(answer.status, TARGET);
  report.fact('full.moved', moved);
  report.fact('full.noRoom', count(answer.status, ENOMEM));
  report.fact('full.unsaid', answer.status.filter((value) => value === UNWRITTEN || value === -11).length);
  report.fact(
    'full.lies',
    after.filter((node, i) => (node === TARGET) !== (answer.status[i] === TARGET)).length,
  );
  report.fact('full.returnedBeyond', answer.returned - (memory.pages - moved));
  report.fact('full.badPages', await memory.badPages());
};

/** Huge folios for which there is no huge room: pages may go in pieces, and a folio has moved when all of it has. */
const fullHuge: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('thp', 16 * 512, SOURCE);
  await memory.stamp();
  const hog = await start();
  await hog.workload.ask(`fill ${TARGET} 10240`);
  const heads = frames(memory).filter((_, page) => page % 512 === 0);
  const { status } = move(mover, heads, TARGET);
  const after = await memory.nodes();
  const moved = status.map((_, i) => count(after.slice(i * 512, (i + 1) * 512), TARGET) === 512);
  report.fact('fullHuge.moved', moved.filter(Boolean).length);
  report.fact('fullHuge.stayed', moved.filter((each) => !each).length);
  report.fact('fullHuge.lies', moved.filter((each, i) => each !== (status[i] === TARGET)).length);
  report.fact('fullHuge.badPages', await memory.badPages());
};

/** The cpuset of whoever maps a frame decides, and of everybody who does. */
const cpusets: Case = async ({ mover, report, start }) => {
  mkdirSync('/sys/fs/cgroup/narrow', { recursive: true });
  writeFileSync('/sys/fs/cgroup/narrow/cpuset.mems', `0-${SOURCE}`);
  const memory = await (await start('/narrow')).map('plain', 64, SOURCE);
  const refused = move(mover, frames(memory), TARGET, 'together');
  report.fact('cpuset.refused', count(refused.status, EACCES));
  report.fact('cpuset.migrated', refused.migrated);
  report.fact('cpuset.allowed', count(move(mover, frames(memory), 0).status, 0));
};

/** Without CAP_SYS_ADMIN not even a question is answered. */
const unprivileged: Case = async ({ mover, report, start }) => {
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
const unusable: Case = async ({ mover, report }) => {
  const frame = new Float64Array(64);
  const detached = new Int32Array(64);
  structuredClone(detached, { transfer: [detached.buffer] });
  const short = new Int32Array(63);
  const shared = new Int32Array(new SharedArrayBuffer(256));
  const refused = [
    ...[short, detached, shared].flatMap((array) => [
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
  ...[unknown, full, fullHuge, cpusets, unprivileged, unusable, idle],
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
};
