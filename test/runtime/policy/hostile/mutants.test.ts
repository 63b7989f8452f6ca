import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createRandom } from '../../../../executor/kernel-simulated/random.ts';
import { launchChild } from '../../../../runtime/policy/launch.ts';
import { zooFolder } from '../../../../runtime/policy/open.ts';
import { repetitions, timeoutMs } from '../../../proof.ts';
import { bundleHost } from '../specimen.ts';
import { createHostPool } from './host-pool.ts';
import type { HostPool } from './host-pool.ts';
import { mutate } from './mutate.ts';
import { live } from './outcome.ts';
import { EAGER, scene } from './scene.ts';

const LIMITS = {
  ...{ memoryPagesMax: 64, loadDeadlineMs: 30_000, epochDeadlineMs: 30_000 },
  ...{ fuelPerEpoch: 10_000_000, fuelPerRegion: 0, fuelPerCall: 10_000_000 },
};
const ZOO = [
  { name: 'heat', settings: EAGER },
  { name: 'heat-scalar', settings: EAGER },
  { name: 'hold', settings: {} },
];
/** Ends that are ours: no module, whatever it is, may bring them about. */
const OURS = /host-failed|overran/;

let pool: HostPool;
beforeAll(async () => {
  pool = createHostPool(launchChild(await bundleHost()));
});
afterAll(() => pool.end());

test(
  'a mutated policy is refused with a code, or runs within its bounds',
  async () => {
    const zoo = ZOO.map(({ name }) => readFileSync(join(zooFolder, `${name}.wasm`)));
    const count = repetitions({ slice: 300, full: 100_000 });
    const ended = { admission: 0, load: 0, run: 0 };
    for (let seed = 1; seed <= count; seed++) {
      const donor = seed % ZOO.length;
      const mutant = mutate(createRandom(Math.imul(seed, 2_654_435_761)), zoo[donor]!);
      const { settings } = ZOO[donor]!;
      const { ending, message, fuel } = await live(
        mutant,
        scene(),
        { settings, limits: LIMITS },
        pool.launch,
      );
      expect(ending, `seed ${seed}: ${message}`).not.toMatch(OURS);
      expect(fuel, `seed ${seed}`).toBeLessThanOrEqual(2 * LIMITS.fuelPerEpoch);
      const [stage] = ending.split(' ');
      if (stage === 'admission' || stage === 'load') ended[stage]++;
      else ended.run++;
    }
    // Mutants that all fell at the door would prove nothing of what is behind it.
    for (const share of Object.values(ended)) expect(share).toBeGreaterThan(count / 10);
  },
  timeoutMs(120_000),
);
