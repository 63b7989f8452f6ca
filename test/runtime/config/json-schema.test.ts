import { readdirSync, readFileSync } from 'node:fs';
import { parseDocument } from 'yaml';
import { describe, expect, test } from 'vitest';
import { configJsonSchema } from '../../../runtime/config/json-schema.ts';
import * as limits from '../../../runtime/limits.ts';

const docs = new URL('../../../docs/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, docs), 'utf8');
const page = read('configuration.md');

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly default?: unknown;
  readonly description?: string;
}

/** Every key that the schema has, at any depth. */
function* keysOf(node: Node): Generator<readonly [string, Node]> {
  for (const [key, child] of Object.entries(node.properties ?? {})) {
    yield [key, child];
    yield* keysOf(child);
  }
  const { additionalProperties: others, items, oneOf = [], anyOf = [] } = node;
  for (const child of [others, items, ...oneOf, ...anyOf])
    if (typeof child === 'object') yield* keysOf(child);
}

const schema = configJsonSchema() as Node;
const keys = [...keysOf(schema)];

test('docs/config.schema.json is what the schema says; run with -u to write it', async () => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot(
    '../../../docs/config.schema.json',
  );
});

test('it knows the keys, and takes no others', () => {
  expect(keys.length).toBeGreaterThan(40);
  expect(schema.properties?.['control']?.description).toMatch(/may control the daemon/);
  expect(JSON.stringify(schema)).toContain('"oneOf":[{"required":["cgroup"]},{"required":["uid"]}]');
  const mappings = JSON.stringify(schema).match(/"properties":/g)?.length;
  expect(JSON.stringify(schema).match(/"additionalProperties":false/g)).toHaveLength(mappings!);
});

describe('the page', () => {
  test('has every key, and every default that is a number', () => {
    for (const [key, { default: value }] of keys) {
      if (key in (limitsOf() ?? {})) continue;
      expect(page).toContain(`\`${key}\``);
      if (typeof value === 'number')
        expect(page).toMatch(new RegExp(`^\\| \`${key}\` \\| ${value} \\|`, 'm'));
    }
  });

  /** Those are explained on a page of their own, which another test holds against their defaults. */
  const limitsOf = () => keys.find(([key]) => key === 'limits')?.[1].properties;

  test('has every bound', () => {
    const said = [
      `1 to ${limits.scopesMax}`,
      `at most ${limits.socketPathBytesMax} bytes`,
      `${limits.epochMsMin} to ${limits.epochMsMax}`,
      `up to ${limits.shadowsMax} policies`,
      `up to ${limits.quotasMax}: `,
      `| ${limits.configBytesMax / 1024} KiB, ${limits.configDepthMax} levels |`,
      `| ${limits.configFaultsMax} |`,
      `| ${limits.policyFilesMax} |`,
      `| ${limits.buildMsMax / 1000} s |`,
    ];
    for (const bound of said) expect(page).toContain(bound);
  });

  test('names every sample', () => {
    for (const sample of readdirSync(new URL('samples', docs)))
      expect(page).toContain(`](samples/${sample})`);
  });
});

test('the largest sample has every key, and says the defaults that it says are some', () => {
  const text = read('samples/every-key.yaml');
  for (const [key] of keys) if (key !== 'uid') expect(text).toMatch(new RegExp(`\\b${key}:`));
  const value = parseDocument(text).toJS().scopes.batch;
  for (const group of ['limits', 'host']) {
    const inside = keys.find(([key]) => key === group)?.[1].properties ?? {};
    const defaults = Object.entries(inside).map(([key, { default: value }]) => [key, value]);
    expect(value[group]).toEqual(Object.fromEntries(defaults));
  }
  for (const key of ['epochMs', 'trialEpochs'])
    expect(value[key]).toBe(keys.find(([name]) => name === key)?.[1].default);
});
