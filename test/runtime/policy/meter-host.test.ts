import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Settings, Snapshot } from '../../../runtime/contract.ts';
import { fuelPerEpochDefault, fuelPerRegionDefault } from '../../../runtime/limits.ts';
import { launchChild } from '../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import type { HostedPolicy } from '../../../runtime/policy/load.ts';
import { zooFolder } from '../../../runtime/policy/open.ts';
import type { HostLimits } from '../../../runtime/policy/running-host.ts';
import { bundleHost, compile, componentOf, snapshotOf, specimenSource } from './specimen.ts';

const REGIONS = 1000;
const snapshot = snapshotOf(REGIONS, { accesses: 1, place: 2 });
let specimen: Uint8Array;
let hostFile: string;

beforeAll(async () => {
  specimen = await componentOf(await compile(specimenSource()));
  hostFile = await bundleHost();
}, 60_000);

/** A busy machine must not look like a policy without fuel, or the other way round. */
const PATIENT = { loadDeadlineMs: 30_000, epochDeadlineMs: 30_000 };

async function withPolicy<T>(
  {
    policy = specimen as string | Uint8Array,
    settings = {} as Settings,
    ...limits
  }: Partial<HostLimits> & {
    readonly policy?: string | Uint8Array;
    readonly settings?: Settings;
  },
  use: (policy: HostedPolicy) => Promise<T>,
): Promise<T> {
  const loaded = await loadPolicy({
    policy,
    settings,
    limits: { ...PATIENT, ...limits },
    launch: launchChild(hostFile),
  });
  if (!loaded.ok) throw new Error(`${loaded.code}: ${loaded.message}`);
  try {
    return await use(loaded.value);
  } finally {
    await loaded.value.close();
  }
}

async function fuelOf(policy: HostedPolicy, given: Snapshot): Promise<number> {
  const answer = await policy.evaluate(given);
  if (!answer.ok) throw new Error(answer.message);
  return answer.value.fuel;
}

describe('the fuel of an epoch', () => {
  test.each(['heat', 'heat-scalar'])('%s burns the same in every host for the same input', async (name) => {
    const epochs = [0, 1, 2].map((number) => ({
      ...snapshotOf(5000, { accesses: number, place: 2 }),
      number,
    }));
    const runs = await Promise.all(
      [0, 1].map(() =>
        withPolicy({ policy: join(zooFolder, `${name}.wasm`) }, async (policy) => {
          const burnt: number[] = [];
          for (const epoch of epochs) burnt.push(await fuelOf(policy, epoch));
          return burnt;
        }),
      ),
    );
    expect(runs[0]).toEqual(runs[1]);
    for (const burnt of runs[0]!) expect(burnt).toBeGreaterThan(5000);
  });

  test('is a tenth of the default at most, in heat', async () => {
    const regions = 100_000;
    const given = fuelPerEpochDefault + regions * fuelPerRegionDefault;
    await withPolicy({ policy: join(zooFolder, 'heat-scalar.wasm') }, async (policy) => {
      for (let number = 0; number < 3; number++) {
        const burnt = await fuelOf(policy, { ...snapshotOf(regions, { accesses: 1, place: 2 }), number });
        expect(burnt).toBeLessThan(given / 10);
        expect(burnt).toBeLessThan((regions * fuelPerRegionDefault) / 2);
      }
    });
  });

  test('has to suffice to the unit, whether it comes by the epoch or by the region', async () => {
    const needed = await withPolicy({}, (policy) => fuelOf(policy, snapshot));
    for (const limits of [
      { fuelPerEpoch: needed, fuelPerRegion: 0 },
      { fuelPerEpoch: needed - REGIONS, fuelPerRegion: 1 },
    ]) {
      await withPolicy(limits, async (policy) => expect(await fuelOf(policy, snapshot)).toBe(needed));
      await withPolicy({ ...limits, fuelPerEpoch: limits.fuelPerEpoch - 1 }, async (policy) => {
        // The next host starts with the same history, and so with the same fate.
        for (let epoch = 0; epoch < 2; epoch++)
          expect(await policy.evaluate(snapshot)).toMatchObject({
            code: 'policy-out-of-fuel',
            message: expect.stringMatching(/raise fuelPerEpoch or fuelPerRegion .*fresh host/),
            run: { fuel: needed - 1 },
          });
      });
    }
  });

  test('runs out in a loop without an end', async () => {
    await withPolicy({ settings: { mode: 'loop' }, fuelPerEpoch: 1e7 }, async (policy) => {
      expect(await policy.evaluate(snapshot)).toMatchObject({ code: 'policy-out-of-fuel' });
    });
  });

  test('pays for what is logged, kept or dropped', async () => {
    const burnt = async (mode: string): Promise<number> =>
      withPolicy({ settings: { mode } }, (policy) => fuelOf(policy, snapshot));
    expect((await burnt('flood')) - (await burnt('echo'))).toBeGreaterThan(1000 * 1024);
  });

  test('is told of a trap too, without being mistaken for its cause', async () => {
    await withPolicy({ settings: { mode: 'trap' } }, async (policy) => {
      const answer = await policy.evaluate(snapshot);
      expect(answer).toMatchObject({ code: 'policy-trapped' });
      expect(!answer.ok && answer.run.fuel).toBeGreaterThan(0);
    });
  });
});

describe('the fuel of other calls', () => {
  test.each([
    ['start', 'echo', 100],
    ['configure', 'loop-in-configure', 1e7],
  ])('runs out in %s', async (_, mode, fuelPerCall) => {
    const limits = { ...PATIENT, fuelPerCall };
    const launch = launchChild(hostFile);
    expect(await loadPolicy({ policy: specimen, settings: { mode }, limits, launch })).toMatchObject({
      code: 'policy-out-of-fuel',
      message: expect.stringContaining('raise fuelPerCall'),
    });
  });

  test('does not come out of an epoch’s', async () => {
    await withPolicy({ fuelPerEpoch: 0, fuelPerRegion: 0 }, async (policy) => {
      const saved = await policy.save();
      expect(saved.ok && (await policy.restore(3, saved.value)).ok).toBe(true);
      expect(await policy.evaluate(snapshot)).toMatchObject({ code: 'policy-out-of-fuel' });
    });
  });
});
