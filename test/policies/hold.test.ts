import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildPolicy } from '../../runtime/policy/build/index.ts';
import { instantiateCore } from './core-policy.ts';

test('hold asks for no column and moves nothing', { timeout: 60_000 }, async () => {
  const root = join(import.meta.dirname, '../..');
  const built = await buildPolicy({ root, file: join(root, 'policies/hold.ts'), target: 'scalar' });
  if (!built.ok) throw new Error(built.message);
  expect(built.value.manifest).toMatchObject({ name: 'hold', columns: [], settings: [], stateBytesMax: 0 });
  const hold = instantiateCore(built.value.core);
  hold.configure({});
  const plan = hold.ask({ number: 1, regions: 9, samplingPeriod: 1, places: [], columns: {} });
  expect([plan.regions.length, plan.headroom.length, plan.wishes.length]).toEqual([0, 0, 0]);
});
