import { writeFileSync } from 'node:fs';
import { readNodeOfFrame } from './frames.ts';
import {
  EACCES,
  EBUSY,
  ENOENT,
  ENOMEM,
  PAGES,
  SOURCE,
  TARGET,
  UNWRITTEN,
  address,
  count,
  frames,
  move,
  query,
} from './phys-context.ts';
import type { Case } from './phys-context.ts';

const STORM_ROUNDS = 40;

/** Three opinions on where pages are: the call's, the memory blocks', the process' own. */
export const queries: Case = async ({ mover, report, start }) => {
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

export const moves: Case = async ({ mover, report, start }) => {
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
export const huge: Case = async ({ mover, report, start }) => {
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

/** Shared is what two processes map now, not what two of a family once did. */
export const shared: Case = async ({ mover, report, start }) => {
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
export const pinned: Case = async ({ mover, report, start }) => {
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

/** A target that fills up on the way: each entry says what became of it. */
export const full: Case = async ({ mover, report, start }) => {
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
export const fullHuge: Case = async ({ mover, report, start }) => {
  const memory = await (await start()).map('thp', 24 * 512, SOURCE);
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

/**
 * Rounds of moves here and there while the owners write: their frames, old and new, huge and forked, and frames of
 * whoever else has some, kernel and Node included.
 */
export const storm: Case = async ({ mover, report, start }) => {
  const forked = await start();
  const memories = [await forked.map('plain', 2048, 0), await (await start()).map('thp', 2048, SOURCE)];
  for (const memory of memories) await memory.stamp();
  await forked.workload.ask('fork');
  const outcomes = new Map<number, number>();
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  for (let round = 0; round < STORM_ROUNDS; round++) {
    const strange = Float64Array.from({ length: 256 }, () => random(1_000_000));
    const frame = Float64Array.from([...memories.flatMap((memory) => [...frames(memory)]), ...strange]);
    const turns = Array.from(frame, () => random(3));
    const written = memories.map((memory) => memory.stamp());
    const { status } = move(mover, frame, turns, round % 2 ? 'together' : 'alone');
    await Promise.all(written);
    for (const value of status) outcomes.set(value, (outcomes.get(value) ?? 0) + 1);
  }
  report.note('outcomes', Object.fromEntries(outcomes));
  const known = [0, 1, 2, ENOENT, EACCES, EBUSY, ENOMEM, -14];
  report.fact('storm.strange', [...outcomes.keys()].filter((value) => !known.includes(value)).length);
  let bad = 0;
  for (const memory of memories) bad += await memory.badPages();
  report.fact('storm.badPages', bad);
  await forked.workload.ask('reap');
};
