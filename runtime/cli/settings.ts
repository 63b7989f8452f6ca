import { InvalidArgumentError } from 'commander';
import type { SettingValue } from '../contract.ts';

/** Collects repeated `--set name=value` flags; types are checked against the policy's manifest later. */
export function collectSetting(
  text: string,
  before: Readonly<Record<string, SettingValue>> = {},
): Readonly<Record<string, SettingValue>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('write name=value');
  return { ...before, [text.slice(0, at)]: readValue(text.slice(at + 1)) };
}

function readValue(text: string): SettingValue {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.trim() !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
}
