import { describe, expect, test } from 'vitest';
import { FRAME_LOW } from '../../../executor/linux/frame-flags.ts';
import { SPACE } from '../../../executor/plan.ts';
import { failure } from '../../../executor/result.ts';
import { REGION_FLAG } from '../../../runtime/contract.ts';
import { createRandom } from '../../../runtime/simulate/random.ts';
import { createIdlePageSource, type IdlePageOptions } from '../../../runtime/telemetry/sensor-idle-pages.ts';
import { readSample } from '../../../runtime/telemetry/sensor-messages.ts';
import type { TelemetrySource } from '../../../runtime/telemetry/source.ts';
import { createFrameMachine, type Folio, type FrameMachine } from './frame-machine.ts';

const BLOCK = 512;
const single = (head: number, changes: Partial<Folio> = {}): Folio => ({
  ...{ head, pages: 1, file: false, fixed: false, cgroup: 1 },
  ...changes,
});

function open(machine: FrameMachine, changes: Partial<IdlePageOptions> = {}): TelemetrySource {
  return createIdlePageSource({
    memory: machine,
    mode: 'full',
    samplingShare: 1,
    samplingPeriod: 1,
    nowMs: () => 0,
    uniform: createRandom(1).uniform,
    ...changes,
  });
}

/** Rows as `frame+pages@node accesses/coverage flags`. */
async function look(source: TelemetrySource): Promise<string[] | string> {
  const sample = await source.next();
  if (!sample.ok) return sample.code;
  expect(readSample(sample.value)).toBeDefined();
  const { pageNumber, pages, node, accesses, coverage, flags } = sample.value.rows;
  return Array.from(
    pageNumber,
    (frame, row) =>
      `${frame}+${pages[row]}@${node[row]} ${accesses[row]}/${coverage[row]}${flags[row] ? ` ${flags[row]}` : ''}`,
  );
}

describe('folios', () => {
  test('are known at first, and looked at from then on', async () => {
    const machine = createFrameMachine([0, 1]);
    const source = open(machine);
    for (const folio of [single(7), single(64, { pages: 4 }), single(1_024, { pages: 512 })])
      machine.bear(folio);
    expect(await look(source)).toEqual(['7+1@0 0/0', '64+4@0 0/0', '1024+512@1 0/0 1']);
    machine.touch(64);
    expect(await look(source)).toEqual(['7+1@0 0/255', '64+4@0 1/255', '1024+512@1 0/255 1']);
    machine.touch(7);
    machine.touch(1_024);
    expect(await look(source)).toEqual(['7+1@0 1/255', '64+4@0 0/255', '1024+512@1 1/255 1']);
  });

  test('say what they are', async () => {
    const machine = createFrameMachine([0]);
    machine.bear(single(1, { file: true }));
    machine.bear(single(2, { fixed: true }));
    const { file, unmovable } = REGION_FLAG;
    expect(await look(open(machine))).toEqual([`1+1@0 0/0 ${file}`, `2+1@0 0/0 ${unmovable}`]);
  });

  test('that are freed are no access, and what is born in their place was not looked at', async () => {
    const machine = createFrameMachine([0]);
    const source = open(machine);
    machine.bear(single(8, { pages: 8 }));
    machine.bear(single(3));
    await look(source);
    machine.free(8);
    machine.free(3);
    machine.bear(single(12));
    expect(await look(source)).toEqual(['12+1@0 0/0']);
  });

  test.each(['slab', 'buddy', 'huge', 'hwpoison', 'nopage', 'offline', 'zero', 'pgtable'] as const)(
    'not: %s',
    async (kind) => {
      const machine = createFrameMachine([0]);
      machine.others.set(5, FRAME_LOW.lru | FRAME_LOW[kind]).set(6, FRAME_LOW.uptodate);
      machine.bear(single(9));
      expect(await look(open(machine))).toEqual(['9+1@0 0/0']);
    },
  );

  test('of a cgroup only', async () => {
    const machine = createFrameMachine([0]);
    machine.scope = new Set([4, 2 ** 32 + 5]);
    for (const cgroup of [3, 4, 5, 6]) machine.bear(single(10 * cgroup, { cgroup, pages: 2 }));
    expect(await look(open(machine))).toEqual(['40+2@0 0/0']);
  });

  test('of chosen nodes only', async () => {
    const machine = createFrameMachine([0, 1, -1, 1]);
    for (const head of [5, 1_030, 2_050, 3_100]) machine.bear(single(head));
    expect(await look(open(machine, { nodes: [1] }))).toEqual(['1030+1@1 0/0', '3100+1@1 0/0']);
  });
});

describe('a node', () => {
  test('unplugged mid-epoch leaves no row; what stays is known', async () => {
    const machine = createFrameMachine([0, 1]);
    machine.bear(single(5));
    machine.bear(single(1_030));
    const source = open(machine);
    await look(source);
    await look(source);
    machine.nodeOfBlock[1] = -1;
    expect(await look(source)).toEqual(['5+1@0 0/0']);
    machine.touch(5);
    expect(await look(source)).toEqual(['5+1@0 1/255']);
    machine.nodeOfBlock[1] = 1;
    expect(await look(source)).toEqual(['5+1@0 0/0', '1030+1@1 0/0']);
  });

  test('that was named and is gone is a fault', async () => {
    const machine = createFrameMachine([0, 1]);
    machine.bear(single(5));
    const source = open(machine, { nodes: [0, 1] });
    await look(source);
    machine.nodeOfBlock[1] = -1;
    expect(await look(source)).toBe('node-missing');
  });

  test('whose block goes offline behind its link leaves no row', async () => {
    const machine = createFrameMachine([0, 1]);
    machine.bear(single(5));
    machine.bear(single(1_030));
    const source = open({ ...machine, blocks: createFrameMachine([0, 1]).blocks });
    await look(source);
    machine.nodeOfBlock[1] = -1;
    expect(await look(source)).toEqual(['5+1@0 0/255']);
  });
});

describe('a fault', () => {
  test.each(['readIdle', 'markIdle', 'readFlags', 'blocks'] as const)(
    'of %s ends the epoch, and the next does not count it as looked at',
    async (method) => {
      const machine = createFrameMachine([0]);
      machine.bear(single(5));
      let isBroken = false;
      const broken = failure('sensor-failed', 'gone');
      const working = machine[method] as (...args: unknown[]) => unknown;
      const source = open({
        ...machine,
        [method]: (...args: unknown[]) => (isBroken ? broken : working(...args)),
      });
      await look(source);
      isBroken = true;
      expect(await look(source)).toBe('sensor-failed');
      isBroken = false;
      expect(await look(source)).toEqual(['5+1@0 0/0']);
      expect(await look(source)).toEqual(['5+1@0 0/255']);
    },
  );
});

test('a sample is physical, without owners, and as long as the clock says', async () => {
  let nowMs = 100;
  const source = open(createFrameMachine([0]), { nowMs: () => nowMs, samplingPeriod: 9 });
  nowMs = 350;
  expect(await source.next()).toMatchObject({
    ok: true,
    value: { space: SPACE.physical, owners: [], lengthMs: 250, samplingPeriod: 9 },
  });
});

describe('sampling', () => {
  test('covers exactly the share, another one each epoch, all of them once a round', async () => {
    const blocks = 20;
    const machine = createFrameMachine(Array.from({ length: blocks / 2 }, () => 0));
    for (let block = 0; block < blocks; block++)
      for (const at of [3, 200, 511]) machine.bear(single(block * BLOCK + at));
    const source = open(machine, { mode: 'sampled', samplingShare: 0.25 });
    await look(source);
    const seen: number[] = [];
    for (let epoch = 0; epoch < 4; epoch++) {
      const sample = await source.next();
      if (!sample.ok) throw new Error(sample.message);
      const { pageNumber, coverage } = sample.value.rows;
      const covered = [...pageNumber].filter((_, row) => coverage[row] === 255);
      expect(covered).toHaveLength(5 * 3);
      expect(pageNumber).toHaveLength(blocks * 3);
      seen.push(...covered);
    }
    expect(new Set(seen).size).toBe(blocks * 3);
  });

  test('an access in a block that was not looked at is not seen', async () => {
    const machine = createFrameMachine([0, 0]);
    for (let block = 0; block < 4; block++) machine.bear(single(block * BLOCK));
    const source = open(machine, { mode: 'sampled', samplingShare: 0.25 });
    await look(source);
    for (const head of machine.folios.keys()) machine.touch(head);
    const rows = (await look(source)) as string[];
    expect(rows.filter((row) => row.endsWith(' 1/255'))).toHaveLength(1);
    expect(rows.filter((row) => row.endsWith(' 0/0'))).toHaveLength(3);
  });
});
