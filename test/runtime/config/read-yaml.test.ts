import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readYaml } from '../../../runtime/config/read-yaml.ts';
import { configDepthMax, configFaultsMax, configValuesMax } from '../../../runtime/limits.ts';
import { repetitions, timeoutMs } from '../../proof.ts';

const read = (text: string) => {
  const yaml = readYaml(text, 'f.yaml');
  return yaml.ok ? yaml.value.value : yaml.faults.map(({ message }) => message);
};
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

describe('values', () => {
  test('are those of YAML 1.2, even where the file says 1.1', () => {
    const values = { a: 'yes', b: 'on', c: 12, d: true, e: null, f: 1.5, g: 16, h: '12:30:45', i: null };
    const text = 'a: yes\nb: on\nc: 012\nd: true\ne: ~\nf: 1.5\ng: 0x10\nh: 12:30:45\ni:\n';
    expect(read(text)).toEqual(values);
    expect(read(`%YAML 1.1\n---\n${text}`)).toEqual(values);
  });

  test('nothing is null, and merge keys are no keys of another kind', () => {
    expect(read('')).toBe(null);
    expect(read('# only a comment')).toBe(null);
    expect(read('a: { <<: { b: 1 } }')).toEqual({ a: { '<<': { b: 1 } } });
  });

  test('aliases stand for the last anchor of that name before them', () => {
    expect(read('a: &x 1\nb: *x\nc: &x { d: &y 2 }\ne: *x\nf: &y 3\ng: [*x, *y]')).toEqual({
      ...{ a: 1, b: 1, c: { d: 2 }, e: { d: 2 }, f: 3 },
      g: [{ d: 2 }, 3],
    });
  });
});

describe('refused, with the place', () => {
  test.each([
    ['a key twice', 'a: 1\nb:\n  c: 1\n  c: 2', 'f.yaml:4:3 the key "c" stands here a second time'],
    ['a key that is no text', '1.0: a', 'f.yaml:1:1 a key must be text: put it in quotes'],
    ['a key that is a list', '? [a]\n: b', 'f.yaml:1:3 a key must be text: put it in quotes'],
    ['a key with a tag', '!!str 1: b', 'f.yaml:1:7 a key must be text: put it in quotes'],
    ['no key at all', ': b', 'f.yaml:1:1 a key must be text: put it in quotes'],
    ['a prototype', 'a: { __proto__: 1 }', 'f.yaml:1:6 nothing has a key "__proto__"'],
    ['a tag', 'a: !!binary abc', 'f.yaml:1:13 tags are not taken'],
    ['a tag of somebody', 'a:\n  - !js/function {}', 'f.yaml:2:18 tags are not taken'],
    ['a second document', 'a: 1\n---\nb: 1', 'f.yaml:2:1 a second document begins here'],
    ['no YAML', 'a: [1', 'f.yaml:1:6 this is no YAML: Flow sequence in block collection must be'],
    ['a tab', 'a:\n\tb: 1', 'f.yaml:2:1 this is no YAML: Tabs are not allowed as indentation'],
    ['an alias of nothing', 'a: *b', 'f.yaml:1:4 no anchor "b" stands before this alias'],
    ['an alias of what comes later', 'a: *b\nb: &b 1', 'f.yaml:1:4 no anchor "b" stands before this alias'],
    ['an alias of itself', 'a: &b [*b]', 'f.yaml:1:7 nested too deeply: 16 levels are allowed'],
  ])('%s', (_, text, message) => {
    expect(read(text)).toEqual([expect.stringContaining(message)]);
  });

  test('a level too many, and far too many', () => {
    expect(read(nested(configDepthMax + 1))).toEqual(JSON.parse(nested(configDepthMax + 1)));
    const tooDeep = `nested too deeply: ${configDepthMax} levels are allowed`;
    expect(read(nested(configDepthMax + 2))).toEqual([`f.yaml:1:${configDepthMax + 2} ${tooDeep}`]);
    expect(read(nested(20_000))).toEqual([expect.stringContaining(tooDeep)]);
  });

  test('a value too many, by aliases', () => {
    const list = (count: number) => `[${'0, '.repeat(count)}]`;
    // It is read once for `a`, twice for `b`, and four times for `c`.
    const within = `a: &a ${list(configValuesMax / 8)}\nb: &b [*a, *a]\nc: [*b, *b]\n`;
    expect(read(within)).toMatchObject({ c: [{ length: 2 }, { length: 2 }] });
    expect(read(`${within}d: *b\n`)).toEqual([
      expect.stringContaining(`more than ${configValuesMax} values`),
    ]);
    const bomb = Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i}, `.repeat(9)}]`);
    expect(read(`a0: &a0 lol\n${bomb.join('\n')}`)).toEqual([
      expect.stringContaining(`more than ${configValuesMax} values`),
    ]);
  });

  test('everything that is wrong, up to a bound', () => {
    expect(read('a: !x 1\nb: *c\n1: 2')).toHaveLength(3);
    const keys = Array.from({ length: configFaultsMax + 5 }, (_, i) => `${i}: 1`);
    const many = readYaml(keys.join('\n'), 'f.yaml');
    expect(many).toMatchObject({ faults: { length: configFaultsMax } });
    expect(many).toMatchObject({ message: expect.stringMatching(/ \(and at least 19 more\)$/) });
    expect(readYaml(keys.slice(0, 3).join('\n'), 'f.yaml')).toMatchObject({
      message: 'f.yaml:1:1 a key must be text: put it in quotes (and 2 more)',
    });
  });

  test('what cannot steer a terminal', () => {
    for (const text of ['"\u001B[31m', '"a\u001B[31m": 1\n"a\u001B[31m": 1', '@\u001B[31m', '*\u001B[31m'])
      expect(String(read(text))).not.toContain('\u001B');
  });
});

test('a path is found, or the last on the way to it', () => {
  const yaml = readYaml('a:\n  b: &b\n    - c: 1\n    - d\ne: *b\n', 'f.yaml');
  if (!yaml.ok) throw new Error(yaml.message);
  const { placeOf } = yaml.value;
  expect(placeOf([])).toBe('f.yaml:1:1');
  expect(placeOf(['a', 'b'])).toBe('f.yaml:2:3');
  expect(placeOf(['a', 'b', 0, 'c'])).toBe('f.yaml:3:7');
  expect(placeOf(['a', 'b', 1])).toBe('f.yaml:4:7');
  expect(placeOf(['a', 'b', 7, 'z'])).toBe('f.yaml:2:3');
  expect(placeOf(['a', 'z', 'b'])).toBe('f.yaml:1:1');
  expect(placeOf(['e', 0, 'c'])).toBe('f.yaml:3:7');
});

const word = fc.constantFrom(
  ...[
    'a',
    'scopes',
    ':',
    ': ',
    '-',
    '- ',
    '\n',
    '\n  ',
    ' ',
    '[',
    ']',
    '{',
    '}',
    ',',
    '&a',
    '*a',
    '!!str ',
    '!x ',
  ],
  ...[
    '|\n',
    '>-\n',
    '"',
    "'",
    '#',
    '?',
    '---\n',
    '...\n',
    '%YAML 1.1\n',
    '\t',
    '0x1',
    '~',
    '<<',
    '\\',
    '\0',
    '@',
    '`',
  ],
  ...['__proto__', '\u{1F600}', '\uFEFF', '\uD800', '\r\n', '.inf', '2001-01-01'],
);

test(
  'no text throws',
  () => {
    const texts = fc.oneof(
      fc.array(word, { maxLength: 60 }).map((words) => words.join('')),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(texts, (text) => {
        const yaml = readYaml(text, 'f.yaml');
        if (yaml.ok) expect(yaml.value.placeOf(['a', 0])).toMatch(/^f\.yaml:[1-9]\d*:[1-9]\d*$/);
        else
          for (const { message } of yaml.faults) expect(message).toMatch(/^f\.yaml:[1-9]\d*:[1-9]\d* \S.*$/);
      }),
      { numRuns: repetitions({ slice: 2000, full: 200_000 }) },
    );
  },
  timeoutMs(60_000),
);
