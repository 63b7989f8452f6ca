import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';
import { repetitions } from '../../proof.ts';

test('1 TiB: at most 600,000 regions, in at most 64 MiB beside the bare process', () => {
  const program = path.join(import.meta.dirname, 'one-tebibyte.ts');
  const epochs = repetitions({ slice: 12, full: 150 });
  const told = JSON.parse(execFileSync(process.execPath, [program, String(epochs)], { encoding: 'utf8' }));
  expect(told.regionsMax).toBeLessThanOrEqual(600_000);
  expect(told.mebibytesMax).toBeLessThanOrEqual(64);
  expect(told.foliosMax).toBeGreaterThan(50_000);
});
