import { failure, success } from '../../../executor/result.ts';
import type { Failure, Result } from '../../../executor/result.ts';
import { ABI_VERSION, COLUMNS, MANIFEST_SECTION } from '../../contract.ts';
import type { ColumnName, Manifest, SettingSchema } from '../../contract.ts';
import { manifestBytesMax, settingsMax, stateBytesMax, textUnitsMax } from '../../limits.ts';
import { isObject, isWhole, matches } from '../checks.ts';
import type { CoreModule } from './core-module.ts';
import { quote } from '../quote.ts';
import { settingFault } from '../settings.ts';

/** A plan names a reason by one byte. */
const REASONS_MAX = 256;
export const POLICY_NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
export const POLICY_VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,63}$/;
const KEYS = 'abi name version description columns stateVersion stateBytesMax settings reasons'.split(' ');
const SETTING_KEYS = 'name type description default min max'.split(' ');
const BOUNDED_TYPES: readonly unknown[] = ['number', 'integer'];
const U32_MAX = 4_294_967_295;

export type ManifestFault = 'manifest-malformed' | 'abi-mismatch';

/** Reads the manifest section of a core module; nothing of the policy runs for it. */
export function readManifest(module: CoreModule): Result<Manifest, ManifestFault> {
  const sections = module.customs.filter(({ name }) => name === MANIFEST_SECTION);
  if (sections.length !== 1)
    return malformed(
      `the policy has ${sections.length} sections named ${MANIFEST_SECTION}: build it with \`terrace build\` (${module.place})`,
    );
  const { bytes, place } = sections[0]!;
  if (bytes.length > manifestBytesMax)
    return malformed(`the manifest takes ${bytes.length} bytes; ${manifestBytesMax} are allowed (${place})`);
  const manifest = parseManifest(bytes);
  return manifest.ok ? manifest : failure(manifest.code, `${manifest.message} (${place})`);
}

export function parseManifest(json: Uint8Array): Result<Manifest, ManifestFault> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch {
    return malformed('the manifest is not JSON in UTF-8');
  }
  if (!isObject(value)) return malformed('the manifest is not an object');
  const foreign = foreignAbi(value['abi']);
  if (foreign !== undefined) return foreign;
  const fault = manifestFault(value);
  return fault === undefined ? success(value as unknown as Manifest) : malformed(fault);
}

function malformed(message: string): Failure<ManifestFault> {
  return failure('manifest-malformed', message);
}

/** A policy runs on a runtime of the same major version, and at least its minor one. */
function foreignAbi(abi: unknown): Failure<ManifestFault> | undefined {
  const wanted = typeof abi === 'string' ? /^(\d{1,4})\.(\d{1,4})$/.exec(abi) : null;
  if (wanted === null) return malformed('the manifest does not say its abi as "MAJOR.MINOR"');
  const [major, minor] = ABI_VERSION.split('.').map(Number) as [number, number];
  if (Number(wanted[1]) === major && Number(wanted[2]) <= minor) return undefined;
  return failure(
    'abi-mismatch',
    `the policy is built for abi ${wanted[0]}, this is ${ABI_VERSION}: rebuild it`,
  );
}

/** What is wrong with a manifest, field by field; undefined when nothing is. */
function manifestFault(value: Readonly<Record<string, unknown>>): string | undefined {
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) return `the manifest has an unknown field ${quote(unknown)}`;
  if (!matches(value['name'], POLICY_NAME))
    return 'the manifest has no name made of letters, digits, - and _';
  if (!matches(value['version'], POLICY_VERSION)) return 'the manifest has no version';
  if (!isText(value['description']))
    return `the manifest has no description of at most ${textUnitsMax} characters`;
  if (!isColumns(value['columns'])) return 'the manifest asks for a column that is unknown or named twice';
  if (!isWhole(value['stateVersion'], U32_MAX))
    return 'the manifest has no stateVersion that is a whole number';
  if (!isWhole(value['stateBytesMax'], stateBytesMax))
    return `the manifest has no stateBytesMax up to ${stateBytesMax}`;
  if (!isReasons(value['reasons'])) return `the manifest has no list of at most ${REASONS_MAX} reasons`;
  return settingsFault(value['settings']);
}

function settingsFault(settings: unknown): string | undefined {
  if (!Array.isArray(settings) || settings.length > settingsMax)
    return `the manifest has no list of at most ${settingsMax} settings`;
  const names = new Set<string>();
  for (const setting of settings as unknown[]) {
    if (!isSetting(setting)) return `setting ${names.size + 1} of the manifest is malformed`;
    if (names.has(setting.name)) return `the manifest has the setting ${setting.name} twice`;
    const fault = settingFault(setting, setting.default);
    if (fault !== undefined) return `the default of ${setting.name} ${fault}`;
    names.add(setting.name);
  }
  return undefined;
}

function isSetting(value: unknown): value is SettingSchema {
  if (!isObject(value) || Object.keys(value).some((key) => !SETTING_KEYS.includes(key))) return false;
  const { name, type, description, min, max } = value;
  const bounds = [min, max].filter((bound) => bound !== undefined);
  const known =
    BOUNDED_TYPES.includes(type) || ((type === 'truth' || type === 'text') && bounds.length === 0);
  const ordered = bounds.length < 2 || (min as number) <= (max as number);
  return (
    known && ordered && bounds.every(Number.isFinite) && matches(name, POLICY_NAME) && isText(description)
  );
}

function isColumns(value: unknown): value is ColumnName[] {
  if (!Array.isArray(value) || new Set(value).size !== value.length) return false;
  return value.every((name) => typeof name === 'string' && Object.hasOwn(COLUMNS, name));
}

function isReasons(value: unknown): boolean {
  return Array.isArray(value) && value.length <= REASONS_MAX && value.every(isText);
}

/** One line of text: what people read must not steer their terminal. */
function isText(value: unknown): value is string {
  return (
    typeof value === 'string' && value.length <= textUnitsMax && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(value)
  );
}
