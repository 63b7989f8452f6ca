import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { parseLimits } from '../../executor/parse-limits.ts';
import { parseConfig } from '../../runtime/config/parse-config.ts';
import { packageRoot } from '../../runtime/package-root.ts';
import { execute, matches, readPage } from './page.ts';

const run = promisify(execFile);
const readme = readFileSync(path.join(packageRoot, 'README.md'), 'utf8');
const folder = mkdtempSync(path.join(tmpdir(), 'terrace-readme-'));
afterAll(() => rmSync(folder, { recursive: true }));

const { block, examples } = readPage(readme);

/** In the temporary folder instead of policies/, so that the tree stays as it is. */
function place(text: string): string {
  return text
    .replaceAll('policies/eager.ts', path.join(folder, 'eager.ts'))
    .replaceAll('policies/slip.ts', path.join(folder, 'slip.ts'))
    .replaceAll('eager.wasm', path.join(folder, 'eager.wasm'));
}

describe('README', () => {
  writeFileSync(path.join(folder, 'eager.ts'), block('ts policies/eager.ts'));
  writeFileSync(
    path.join(folder, 'slip.ts'),
    "import { Plan, Snapshot } from './sdk';\n\nexport function evaluate(_: Snapshot, plan: Plan): void {\n  plan.mov(0, 1);\n}\n",
  );

  test('has examples', () => expect(examples.length).toBeGreaterThanOrEqual(5));

  test.each(examples)('$command', async ({ command, shown }) => {
    const printed = await execute(place(command));
    if (!matches(printed, place(shown))) expect(printed).toBe(place(shown));
  });

  test('the sample limits file is one', () => {
    expect(parseLimits(JSON.parse(block('json limits.json')))).toMatchObject({ ok: true });
  });

  test('the sample configuration is one', () => {
    expect(parseConfig(block('yaml terrace.yaml'), 'terrace.yaml')).toMatchObject({ ok: true });
  });

  test('the embedding example compiles against the library', async () => {
    const file = path.join(packageRoot, 'test/e2e', `readme-embed-${process.pid}.ts`);
    writeFileSync(file, block('ts embed.ts').replace("'terrace'", "'../../runtime/index.ts'"));
    try {
      const options = [
        '--noEmit',
        '--strict',
        '--target',
        'es2024',
        '--module',
        'nodenext',
        '--types',
        'node',
      ];
      await run(
        'npx',
        ['tsc', ...options, '--allowImportingTsExtensions', '--skipLibCheck', '--ignoreConfig', file],
        { cwd: packageRoot },
      );
    } finally {
      rmSync(file);
    }
  });
});
