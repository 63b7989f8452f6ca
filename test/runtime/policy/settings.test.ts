import { expect, test } from 'vitest';
import type { SettingSchema } from '../../../runtime/contract.ts';
import { settingsMax, textUnitsMax } from '../../../runtime/limits.ts';
import { parseManifest } from '../../../runtime/policy/parse/manifest.ts';
import { resolveSettings } from '../../../runtime/policy/settings.ts';
import { MANIFEST } from './specimen.ts';

const schema: readonly SettingSchema[] = [
  { name: 'cut', type: 'integer', description: '', default: 3, min: 0, max: 9 },
  { name: 'share', type: 'number', description: '', default: 0.5, min: 0 },
  { name: 'eager', type: 'truth', description: '', default: true },
  { name: 'title', type: 'text', description: '', default: 'x' },
];

test('defaults fill in, bounds belong to the range', () => {
  expect(resolveSettings(schema, {})).toEqual({
    ok: true,
    value: { cut: 3, share: 0.5, eager: true, title: 'x' },
  });
  const given = { cut: 9, share: 0, eager: false, title: 'y'.repeat(textUnitsMax) };
  expect(resolveSettings(schema, given)).toEqual({ ok: true, value: given });
});

test.each([
  [{ cut: 10 }, 'setting-invalid', 'cut must be a whole number from 0 to 9, not 10'],
  [{ cut: 1.5 }, 'setting-invalid', 'a whole number'],
  [{ share: -1 }, 'setting-invalid', 'a number of at least 0'],
  [{ share: Number.NaN }, 'setting-invalid', 'a number'],
  [{ share: '1' }, 'setting-invalid', 'not "1"'],
  [{ eager: 1 }, 'setting-invalid', 'true or false'],
  [{ title: 'y'.repeat(textUnitsMax + 1) }, 'setting-invalid', `at most ${textUnitsMax}`],
  [{ colour: 1 }, 'setting-unknown', 'it has cut, share, eager, title'],
  [{ toString: 1 }, 'setting-unknown', 'toString'],
])('%j: %s', (given, code, message) => {
  expect(resolveSettings(schema, given)).toMatchObject({ code, message: expect.stringContaining(message) });
});

test('a manifest has as many settings as allowed, and no more', () => {
  const settings = (count: number): Uint8Array =>
    new TextEncoder().encode(
      JSON.stringify({
        ...MANIFEST,
        settings: Array.from({ length: count }, (_, i) => ({ ...schema[0], name: `cut${i}` })),
      }),
    );
  expect(parseManifest(settings(settingsMax)).ok).toBe(true);
  expect(parseManifest(settings(settingsMax + 1))).toMatchObject({ code: 'manifest-malformed' });
});
