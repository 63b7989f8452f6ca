import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import type { SettingSchema, SettingValue, Settings } from '../contract.ts';
import { textUnitsMax } from '../limits.ts';
import { quote } from './quote.ts';

export type SettingsFault = 'setting-unknown' | 'setting-invalid';

/** The settings in force: those given, checked against the schema, and defaults for the rest. */
export function resolveSettings(
  schema: readonly SettingSchema[],
  given: Readonly<Record<string, unknown>>,
): Result<Settings, SettingsFault> {
  const known = schema.map(({ name }) => name);
  const unknown = Object.keys(given).find((name) => !known.includes(name));
  if (unknown !== undefined)
    return failure(
      'setting-unknown',
      `the policy has no setting ${quote(unknown)}; it has ${known.join(', ') || 'none'}`,
    );
  const entries: [string, SettingValue][] = [];
  for (const setting of schema) {
    const value = Object.hasOwn(given, setting.name) ? given[setting.name] : setting.default;
    const fault = settingFault(setting, value);
    if (fault !== undefined) return failure('setting-invalid', `the setting ${setting.name} ${fault}`);
    entries.push([setting.name, value as SettingValue]);
  }
  return success(Object.fromEntries(entries));
}

/** What a value must be and is not; undefined when it is. */
export function settingFault(setting: SettingSchema, value: unknown): string | undefined {
  return fits(setting, value) ? undefined : `must be ${describe(setting)}, not ${quote(value)}`;
}

function fits({ type, min = -Infinity, max = Infinity }: SettingSchema, value: unknown): boolean {
  if (type === 'truth') return typeof value === 'boolean';
  if (type === 'text') return typeof value === 'string' && value.length <= textUnitsMax;
  if (typeof value !== 'number' || !Number.isFinite(value)) return false;
  return (type === 'number' || Number.isSafeInteger(value)) && value >= min && value <= max;
}

function describe({ type, min, max }: SettingSchema): string {
  if (type === 'truth') return 'true or false';
  if (type === 'text') return `text of at most ${textUnitsMax} characters`;
  const noun = type === 'integer' ? 'a whole number' : 'a number';
  if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`;
  if (min !== undefined) return `${noun} of at least ${min}`;
  return max === undefined ? noun : `${noun} of at most ${max}`;
}
