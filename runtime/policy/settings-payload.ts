import type { SettingSchema, SettingValue, Settings } from '../contract.ts';

/** The case of the WIT's `value`. */
const TAG = { number: 0, boolean: 1, string: 2 } as const;

/**
 * Settings as the host's glue reads them, each after the other: u32 bytes of name, name (UTF-16), u32 case of
 * `value`, then an f64, or for text u32 bytes and UTF-16.
 */
export function encodeSettings(schema: readonly SettingSchema[], settings: Settings): Uint8Array {
  return Buffer.concat(schema.flatMap(({ name }) => [...text(name), ...encodeValue(settings[name]!)]));
}

function encodeValue(value: SettingValue): Uint8Array[] {
  const tag = u32(TAG[typeof value as keyof typeof TAG]);
  return typeof value === 'string' ? [tag, ...text(value)] : [tag, f64(Number(value))];
}

function text(value: string): Uint8Array[] {
  const units = Buffer.from(value, 'utf16le');
  return [u32(units.length), units];
}

function u32(value: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function f64(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}
