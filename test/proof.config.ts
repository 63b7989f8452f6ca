import { defineConfig } from 'vitest/config';

const HOUR_MS = 3_600_000;

/** `npm run proof`: the same tests, with every count of test/proof.ts in full. */
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**', 'test/lab/**', 'test/tidy.test.ts'],
    provide: { proof: true },
    testTimeout: HOUR_MS,
    hookTimeout: HOUR_MS,
    maxWorkers: 2,
    reporters: ['default', './.ci/tally-reporter.ts'],
  },
});
