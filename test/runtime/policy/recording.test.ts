import {
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Settings, Snapshot } from '../../../runtime/contract.ts';
import { fillMeans } from '../../../runtime/policy/host-means.ts';
import { launchChild } from '../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import type { HostedPolicy } from '../../../runtime/policy/load.ts';
import { createRecorder } from '../../../runtime/policy/recording/recorder.ts';
import { openReplay } from '../../../runtime/policy/recording/replay.ts';
import type { ReplayedStep } from '../../../runtime/policy/recording/replay.ts';
import { zooFolder } from '../../../runtime/policy/open.ts';
import type { HostLimits } from '../../../runtime/policy/running-host.ts';
import { repetitions, timeoutMs } from '../../proof.ts';
import { STATUS } from '../../../runtime/policy/wire.ts';
import { bundleHost, compile, componentOf, snapshotOf, specimenSource } from './specimen.ts';

const scratch = mkdtempSync(join(tmpdir(), 'terrace-recording-'));
const limits = { loadDeadlineMs: 20_000, epochDeadlineMs: 10_000 };
let hostFile: string;
let specimen: Uint8Array;

beforeAll(async () => {
  hostFile = await bundleHost();
  specimen = await componentOf(await compile(specimenSource()));
}, 60_000);
afterAll(() => rmSync(scratch, { recursive: true }));

interface Recorded {
  readonly folder: string;
  readonly faults: string[];
}

async function record(
  name: string,
  {
    policy = join(zooFolder, 'heat.wasm') as string | Uint8Array,
    settings = {} as Settings,
    answersMax = 64,
    bytesMax = 1e9,
    limits: changed = {} as Partial<HostLimits>,
  },
  use: (policy: HostedPolicy) => Promise<void>,
): Promise<Recorded> {
  const folder = join(scratch, name);
  const faults: string[] = [];
  const recording = {
    recorder: createRecorder(folder),
    answersMax,
    bytesMax,
    onFault: (message: string) => void faults.push(message),
  };
  const loaded = await loadPolicy({
    policy,
    settings,
    recording,
    limits: { ...limits, ...changed },
    launch: launchChild(hostFile),
  });
  if (!loaded.ok) throw new Error(loaded.message);
  await use(loaded.value);
  await loaded.value.close();
  return { folder, faults };
}

async function replay(
  file: string,
  changed: Partial<HostLimits> = {},
): Promise<{ steps: ReplayedStep[]; fromCheckpoint: boolean; code?: string }> {
  const opened = await openReplay(
    file,
    fillMeans({ limits: { ...limits, ...changed }, launch: launchChild(hostFile) }),
  );
  if (!opened.ok) return { steps: [], fromCheckpoint: false, code: opened.code };
  const { fromCheckpoint } = opened.value;
  const steps: ReplayedStep[] = [];
  try {
    for (;;) {
      const step = await opened.value.step();
      if (!step.ok) return { steps, fromCheckpoint, code: step.code };
      if (step.value === undefined) return { steps, fromCheckpoint };
      steps.push(step.value);
    }
  } finally {
    await opened.value.close();
  }
}

const REGIONS = 5000;

/** Another snapshot each epoch, so that what a policy keeps from epoch to epoch tells. */
function snapshot(number: number): Snapshot {
  const noise = Uint32Array.from({ length: REGIONS }, (_, i) => Math.imul(i + number, 2_654_435_761) >>> 20);
  return {
    ...snapshotOf(REGIONS),
    number,
    samplingPeriod: 1_000_000,
    places: snapshotOf(REGIONS).places.map((place) => ({ ...place, room: 500, budget: 500 })),
    columns: {
      accesses: noise.map((value, i) => (i % 9 === 0 ? value : 0)),
      pages: new Uint32Array(REGIONS).fill(1),
      place: Uint8Array.from({ length: REGIONS }, (_, i) => i & 1),
      verdict: new Uint8Array(REGIONS),
    },
  };
}
const epochsOf = ({ steps }: { steps: readonly ReplayedStep[] }) => steps.map(({ epoch }) => epoch);

describe('a recording', () => {
  test('is answered bit for bit once more, from the start and from a checkpoint', async () => {
    const fuel: number[] = [];
    let entries = 0;
    const { folder, faults } = await record('heat', { answersMax: 8 }, async (policy) => {
      for (let epoch = 0; epoch < 21; epoch++) {
        const answer = await policy.evaluate(snapshot(epoch));
        if (!answer.ok) throw new Error(answer.message);
        fuel.push(answer.value.fuel);
        entries += answer.value.plan.regions.length;
      }
    });
    expect(faults).toEqual([]);
    expect(entries).toBeGreaterThan(0);
    const [previous, current] = await Promise.all(
      ['previous.trec', 'current.trec'].map((file) => replay(join(folder, file))),
    );
    expect([previous!.fromCheckpoint, current!.fromCheckpoint]).toEqual([true, true]);
    expect(epochsOf(previous!)).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    expect(epochsOf(current!)).toEqual([16, 17, 18, 19, 20]);
    for (const step of [...previous!.steps, ...current!.steps]) {
      expect(step.isSame).toBe(true);
      expect(step.replayed).toMatchObject({ status: 0, fuel: fuel[step.epoch] });
    }
    expect(new Set(fuel).size).toBeGreaterThan(1);
  });

  test('holds saves and restores, too', async () => {
    const { folder } = await record('saves', { policy: specimen }, async (policy) => {
      await policy.evaluate(SPECIMEN);
      const state = await policy.save();
      if (!state.ok) throw new Error(state.message);
      expect(await policy.restore(3, state.value)).toEqual({ ok: true, value: undefined });
      await policy.evaluate(SPECIMEN);
    });
    const { steps } = await replay(join(folder, 'current.trec'));
    expect(steps.map(({ request }) => request)).toEqual(['epoch', 'save', 'restore', 'epoch']);
    expect(steps.every(({ isSame }) => isSame)).toBe(true);
  });

  test.each([
    ['killed', { epochDeadlineMs: 1000, fuelPerEpoch: Infinity }, 'policy-overran'],
    ['out-of-fuel', { fuelPerEpoch: 1_000_000 }, STATUS.exhausted],
  ])('outlives a policy that was %s, and ends the same way once more', async (name, changed, status) => {
    const looping = { policy: specimen, settings: { mode: 'loop' }, limits: changed };
    const { folder } = await record(name, looping, async (policy) => {
      expect(await policy.evaluate(SPECIMEN)).toMatchObject({ ok: false });
      await policy.save();
    });
    const { steps } = await replay(join(folder, 'previous.trec'), changed);
    expect(steps).toMatchObject([{ isSame: true, recorded: { status } }]);
  });

  test('tells a policy that answers otherwise', async () => {
    const { folder } = await record('other', {}, async (policy) => {
      for (let epoch = 0; epoch < 12; epoch++) await policy.evaluate(snapshot(epoch));
    });
    const file = join(folder, 'current.trec');
    const bytes = readFileSync(file);
    // The settings stand in the first frame; another half-life is another policy.
    const altered = Buffer.from(bytes.toString('latin1').replace('"halfLife":5', '"halfLife":6'), 'latin1');
    expect(altered.equals(bytes)).toBe(false);
    writeFileSync(file, resealed(altered));
    const { steps } = await replay(file);
    expect(steps.some(({ isSame }) => !isSame)).toBe(true);
  });

  test('that was cut off is replayed up to there', async () => {
    const { folder } = await record('cut', {}, async (policy) => {
      for (let epoch = 0; epoch < 3; epoch++) await policy.evaluate(snapshot(epoch));
    });
    const file = join(folder, 'current.trec');
    truncateSync(file, statSync(file).size - 1);
    const { steps, code } = await replay(file);
    expect(code).toBeUndefined();
    expect(steps.map(({ isSame, recorded }) => [isSame, recorded !== undefined])).toEqual([
      [true, true],
      [true, true],
      [false, false],
    ]);
  });

  test('ends where a file system or its bound does, and the policy goes on', async () => {
    const { folder, faults } = await record('full', { answersMax: 2, bytesMax: 50_000 }, async (policy) => {
      for (let epoch = 0; epoch < 6; epoch++) expect((await policy.evaluate(snapshot(epoch))).ok).toBe(true);
    });
    expect(faults).toEqual([expect.stringContaining('more than 50000 bytes')]);
    expect(existsSync(join(folder, 'current.trec'))).toBe(true);
    const nowhere = createRecorder('/dev/null/terrace');
    const loaded = await loadPolicy({
      policy: join(zooFolder, 'hold.wasm'),
      recording: {
        recorder: nowhere,
        answersMax: 1,
        bytesMax: 1,
        onFault: (message) => void faults.push(message),
      },
      launch: launchChild(hostFile),
    });
    if (!loaded.ok) throw new Error(loaded.message);
    expect((await loaded.value.evaluate(snapshot(1))).ok).toBe(true);
    await loaded.value.close();
    expect(faults[1]).toContain('nothing more is recorded of hold');
  });

  test(
    'of anybody, damaged anywhere, is a value and not a crash',
    async () => {
      const { folder } = await record('damaged', { policy: join(zooFolder, 'hold.wasm') }, async (policy) => {
        for (let epoch = 0; epoch < 2; epoch++) await policy.evaluate(snapshot(epoch));
      });
      const bytes = readFileSync(join(folder, 'current.trec'));
      await fc.assert(
        fc.asyncProperty(
          fc.nat(bytes.length - 1),
          fc.integer({ min: 1, max: 255 }),
          fc.boolean(),
          async (at, flip, sealed) => {
            const damaged = Buffer.from(bytes);
            damaged[at]! ^= flip;
            const file = join(scratch, 'damaged.trec');
            writeFileSync(file, sealed ? resealed(damaged) : damaged);
            const { steps } = await replay(file);
            expect(steps.length).toBeLessThanOrEqual(2);
          },
        ),
        { numRuns: repetitions({ slice: 30, full: 2000 }) },
      );
    },
    timeoutMs(120_000),
  );
});

const SPECIMEN = snapshotOf(1000, { accesses: 1, place: 2 });

/** The same frames, each with the checksum of what it holds now; as far as they can be found. */
function resealed(bytes: Buffer): Buffer {
  for (let at = 0; at + 28 <= bytes.length;) {
    const contentBytes = bytes.readUInt32LE(at + 8) + bytes.readDoubleLE(at + 16);
    const end = at + 24 + contentBytes;
    if (!Number.isSafeInteger(end) || end < at + 24 || end + 4 > bytes.length) break;
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 24, end)), end);
    at = end + 4;
  }
  return bytes;
}
