import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatAge, formatCount, formatPeriod } from '../../../runtime/cli/amounts.ts';
import { clauses, layRows, words } from '../../../runtime/cli/rows.ts';
import { drawStatus } from '../../../runtime/cli/status-screen.ts';
import type { ScopeStatus } from '../../../runtime/control/status.ts';
import { NOW_MS, somePolicy, someScope, someShadow, someStatus } from '../control/some-status.ts';

const view = { columns: 100, colour: false, nowMs: NOW_MS };
const draw = (scope: ScopeStatus) => drawStatus(someStatus(scope), view);

describe('a status', () => {
  test('tells of a trial, of shadows and of what went wrong', () => {
    const trial = {
      ...({ policy: 'eager', stage: 'shadow', epochsWanted: 32 } as const),
      shadow: someShadow(somePolicy('eager', '2.0.0', 12_000), { missed: 2 }),
    };
    const learned = someShadow(somePolicy('learned', '0.3.0', 4_000_000), {
      ...{ epochs: 4000, slowdown: 1.31, failed: 1 },
      fault: { code: 'policy-trapped', message: 'unreachable executed' },
    });
    const lastSwitch = {
      ...({ policy: '/a/b.ts', outcome: 'refused', code: 'source-invalid', message: 'mend it' } as const),
      atMs: NOW_MS - 61_000,
    };
    const fault = { code: 'deadline-missed', message: 'its host was ended' };
    const lastGood = somePolicy('heat', '0.9.0', 280_000_000);
    expect(draw(someScope('batch', { trial, shadows: [learned], lastGood, lastSwitch, fault }))).toContain(
      [
        '  trial       eager@2.0.0    656167657232  for 12s, epoch 12 of 32 as a shadow, 2 missed',
        "              slowdown 1.210, active's 1.250, modelled gain 3.2 %; fuel 9,876,543 an epoch",
        '              would have moved 98,981 pages: 45,067 promoted, 53,914 demoted; 1,204 elsewhere',
        '  shadow      learned@0.3.0  6c6561726e65  for 1h 6m, 4,000 epochs, 1 failed',
        "              slowdown 1.310, active's 1.250, modelled loss 4.8 %; fuel 9,876,543 an epoch",
        '              would have moved 98,981 pages: 45,067 promoted, 53,914 demoted; 1,204 elsewhere',
        '              policy-trapped: unreachable executed',
        '  last good   heat@0.9.0     68656174302e  for 3d 5h',
        '  last switch /a/b.ts refused (source-invalid) 1m 1s ago: mend it',
        '  fault       deadline-missed: its host was ended',
        '',
      ].join('\n'),
    );
  });

  test.each([
    [{ duty: 'chosen' }, /active .* on duty\n/],
    [{ duty: 'last-good', lastGood: somePolicy('heat', '0.9.0') }, /last good .* on duty\n/],
    [{ duty: 'hold' }, /hold +on duty: nothing moves\n/],
    [{ paused: true }, /paused +nothing moves until it is resumed\n/],
  ] as const)('says who is on duty: %j', (more, told) => {
    const text = draw(someScope('batch', more));
    expect(text).toMatch(told);
    expect(text.match(/on duty/g)).toHaveLength(1);
  });

  test('says what was refused, what is prepared, and that nothing is served', () => {
    const status = someStatus();
    const refused = 'config-malformed: mend it';
    expect(drawStatus({ ...status, config: { ...status.config, refused } }, view)).toMatch(
      /\n {2}refused +what lies in that file now is not in force: config-malformed: mend it\n +no scope is served\n$/,
    );
    const trial = { policy: 'eager', stage: 'preparing' } as const;
    expect(draw(someScope('a', { trial: { ...trial, epochsWanted: 0 } }))).toContain(
      'eager is being prepared, then takes over\n',
    );
    expect(draw(someScope('a', { trial: { ...trial, epochsWanted: 1 } }))).toContain(
      'eager is being prepared, then 1 epoch as a shadow\n',
    );
  });

  test('keeps within 80 columns, and colours change nothing but colours', () => {
    const [scope, page] = [someScope('a-scope-with-a-long-name', { duty: 'hold' }), { ...view, columns: 80 }];
    const plain = drawStatus(someStatus(scope), page);
    for (const line of plain.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    const coloured = drawStatus(someStatus(scope), { ...page, colour: true });
    expect(coloured).not.toBe(plain);
    // oxlint-disable-next-line no-control-regex
    expect(coloured.replaceAll(/\x1b\[\d+m/g, '')).toBe(plain);
  });
});

test('rows break between pieces only, lose none of them, and keep to the page where pieces do', () => {
  const piece = fc.stringMatching(/^[a-z]{1,20}$/);
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1 }), fc.integer({ min: 36, max: 120 }), (pieces, columns) => {
      const text = layRows([{ label: 'label', pieces }], { columns, colour: false });
      expect(words(text.replaceAll('\n', ' '))).toEqual(['label', ...pieces]);
      for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(columns);
    }),
  );
});

test('a piece that is too long for the page stays beside its label', () => {
  const [long, page] = ['x'.repeat(90), { columns: 80, colour: false }];
  expect(layRows([{ label: 'label', pieces: [long, 'y'] }], page)).toBe(
    `  label       ${long}\n              y\n`,
  );
});

test('clauses have semicolons between them and commas inside', () => {
  expect(clauses(['a', 'b'], [], ['c'], ['d'])).toEqual(['a,', 'b;', 'c;', 'd']);
});

test.each([
  [-5, '0s'],
  [0, '0s'],
  [999, '0s'],
  [59_999, '59s'],
  [60_000, '1m 0s'],
  [3_599_999, '59m 59s'],
  [3_600_000, '1h 0m'],
  [86_399_999, '23h 59m'],
  [86_400_000, '1d 0h'],
  [40_000_000_000, '462d 23h'],
])('%d ms are %s', (ms, text) => {
  expect(formatAge(ms)).toBe(text);
});

test('counts and periods', () => {
  expect([0, 999, 1000, 1_234_567].map(formatCount)).toEqual(['0', '999', '1,000', '1,234,567']);
  expect([250, 999, 1000, 1500, 60_000].map(formatPeriod)).toEqual([
    '250 ms',
    '999 ms',
    '1 s',
    '1.5 s',
    '60 s',
  ]);
});
