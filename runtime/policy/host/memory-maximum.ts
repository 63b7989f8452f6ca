import { createBinaryReader } from '../parse/binary-reader.ts';
import { SECTION } from '../parse/core-module.ts';

const HEADER_BYTES = 8;
const HAS_MAXIMUM = 1;

/**
 * The same core module, its one memory bounded to `pagesMax` pages, so that `memory.grow` answers -1 beyond.
 * The module must be valid; undefined when it has not exactly one memory, or one that starts larger.
 */
export function boundMemory(
  module: Uint8Array<ArrayBuffer>,
  pagesMax: number,
): Uint8Array<ArrayBuffer> | undefined {
  const parts: Uint8Array[] = [module.subarray(0, HEADER_BYTES)];
  const reader = createBinaryReader(module.subarray(HEADER_BYTES));
  let bounded = 0;
  while (!reader.atEnd) {
    const id = reader.byte();
    const bytes = reader.take(reader.u32());
    const payload = id === SECTION.memory ? boundSection(bytes, pagesMax) : bytes;
    if (payload === undefined) return undefined;
    if (id === SECTION.memory) bounded++;
    parts.push(Uint8Array.of(id, ...leb128(payload.length)), payload);
  }
  return reader.fault === undefined && bounded === 1 ? concatenate(parts) : undefined;
}

function boundSection(bytes: Uint8Array, pagesMax: number): Uint8Array | undefined {
  const reader = createBinaryReader(bytes);
  const [count, flags, minimum] = [reader.u32(), reader.byte(), reader.u32()];
  const maximum = Math.min(flags === HAS_MAXIMUM ? reader.u32() : pagesMax, pagesMax);
  const sound = reader.fault === undefined && reader.atEnd && count === 1 && flags <= HAS_MAXIMUM;
  if (!sound || minimum > maximum) return undefined;
  return Uint8Array.of(1, HAS_MAXIMUM, ...leb128(minimum), ...leb128(maximum));
}

function leb128(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128);
  return [...bytes, rest];
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
