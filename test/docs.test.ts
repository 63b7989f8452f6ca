import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { VERDICT } from '../executor/verdict.ts';
import { parseConfig } from '../executor/launch/config.ts';
import { LAUNCH_BOUNDS } from '../executor/launch/limits.ts';
import { LAUNCH_FAULTS } from '../executor/launch/messages.ts';
import { parseLimits } from '../executor/parse-limits.ts';
import { COLUMNS } from '../runtime/contract.ts';
import { fuelPerCallDefault, fuelPerEpochDefault, fuelPerRegionDefault } from '../runtime/limits.ts';
import { GOVERN_DEFAULTS } from '../runtime/govern/governor.ts';
import { usage } from '../runtime/telemetry/sensor-arguments.ts';

const read = (file: string) => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

describe('docs', () => {
  test('every verdict is listed with its number, and no other', () => {
    const rows = [...read('docs/verdicts.md').matchAll(/^\| (\d+) \| `([a-z-]+)` \|/gm)];
    expect(Object.fromEntries(rows.map(([, id, name]) => [name, Number(id)]))).toEqual(VERDICT);
  });

  test('the WIT lists every column with its number', () => {
    const rows = [
      ...read('policies/wit/policy.wit').matchAll(
        /^ {2}\/\/\/ +(\d+) ([a-z-]+) +(bytes|shorts|words|floats) /gm,
      ),
    ];
    const columns = rows.map(([, id, name, kind]) => [
      name.replace(/-(.)/g, (_, c: string) => c.toUpperCase()),
      { id: Number(id), kind },
    ]);
    expect(Object.fromEntries(columns)).toEqual(COLUMNS);
  });

  test('the manifest page names every column', () => {
    const page = read('docs/manifest.md');
    for (const name of Object.keys(COLUMNS)) expect(page).toContain(`\`${name}\``);
  });

  test('the sample of the limits file is one, and has every key that is known', () => {
    const page = read('docs/limits.md');
    const sample = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
    expect(parseLimits(sample)).toMatchObject({ ok: true });
    const known = /const TOP_KEYS =([^;]*);/.exec(read('executor/parse-limits.ts'))?.[1].match(/\w+/g);
    expect(Object.keys(sample).toSorted()).toEqual(known?.toSorted());
    for (const key of known ?? []) expect(page).toContain(`\`${key}`);
  });

  test('the sample of the launcher file is one, with every key, and every code is explained', () => {
    const page = read('docs/launcher.md');
    const sample = JSON.parse(/```json\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
    const { flags, ...rest } = sample;
    expect(parseConfig(rest, '')).toMatchObject({ ok: true, value: { flags } });
    const lists = read('executor/launch/config.ts').matchAll(/fields\(\S+ \S+ '([^']+)'\)/g);
    const known = [...lists].flatMap(([, keys]) => keys.split(' '));
    expect(known.length).toBeGreaterThan(10);
    for (const key of known) expect(JSON.stringify(sample)).toContain(`"${key}"`);
    for (const key of Object.keys(sample)) expect(page).toContain(`| \`${key}`);
    for (const code of LAUNCH_FAULTS) expect(page).toContain(`\`${code}\``);
    expect(page).toContain(`at most ${LAUNCH_BOUNDS.requestBytesMax} bytes`);
    expect(page).toContain(`at most ${LAUNCH_BOUNDS.hostsMax})`);
  });

  test('what samples import, the library has', async () => {
    const library = await import('../runtime/index.ts');
    const pages = [
      'README.md',
      ...readdirSync(new URL('../docs', import.meta.url))
        .filter((page) => page.endsWith('.md'))
        .map((page) => `docs/${page}`),
    ];
    const imports = pages.flatMap((page) => [...read(page).matchAll(/^import \{([^}]+)\} from 'terrace'/gm)]);
    const names = imports.flatMap(([, list]) => list!.split(',').map((name) => name.trim()));
    expect(names).toContain('connectLauncher');
    expect(Object.keys(library)).toEqual(expect.arrayContaining(names));
  });

  test('every flag of the sensor is explained', () => {
    const page = read('docs/limits.md');
    const flags = new Set(usage.match(/--[a-z-]+/g));
    for (const flag of ['--socket', '--root', '--uid']) flags.delete(flag);
    for (const flag of flags) expect(page).toContain(flag);
  });

  test('the failure page lists every limit with its default', () => {
    const rows = [...read('docs/failure.md').matchAll(/^\| `(\w+)` \| ([\d.]+) \|/gm)];
    expect(Object.fromEntries(rows.map(([, name, value]) => [name, Number(value)]))).toEqual(GOVERN_DEFAULTS);
  });

  test('every budget of fuel is told with its default', () => {
    const rows = [...read('docs/fuel.md').matchAll(/^\| `(fuel\w+)` \| ([\d,]+) \|/gm)];
    expect(
      Object.fromEntries(rows.map(([, name, units]) => [name, Number(units!.replaceAll(',', ''))])),
    ).toEqual({
      fuelPerEpoch: fuelPerEpochDefault,
      fuelPerRegion: fuelPerRegionDefault,
      fuelPerCall: fuelPerCallDefault,
    });
  });
});
