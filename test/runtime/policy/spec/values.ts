import type { ValueType } from './assemble.ts';

/** A value as wast2json writes it: bits as decimal numbers, or what a NaN must look like. */
export interface WastValue {
  readonly type: string;
  readonly lane_type?: string;
  readonly value?: string | readonly string[];
}

type Text = string | undefined;
const LANE_BITS: Readonly<Record<string, number>> = { i8: 8, i16: 16, i32: 32, i64: 64, f32: 32, f64: 64 };
const FRACTION_BITS: Readonly<Record<number, bigint>> = { 32: 23n, 64: 52n };

/** The reference a value names; externrefs of the same number are the same object. */
export function referenceOf({ type, value }: WastValue): unknown {
  if (value === 'null') return null;
  if (type !== 'externref') throw new Error(`no value of type ${type} can be made`);
  return `extern ${String(value)}`;
}

export function isSameReference(expected: WastValue, actual: unknown): boolean {
  if (expected.value === 'null') return actual === null;
  if (expected.type === 'funcref') return typeof actual === 'function';
  return expected.value === undefined ? actual !== null : actual === referenceOf(expected);
}

/** Writes a number or vector at `at`, little endian. */
export function writeValue(view: DataView, at: number, value: WastValue): void {
  const { bits, texts } = lanesOf(value);
  texts.forEach((text, i) => writeLane(view, at + (i * bits) / 8, bits, BigInt(text ?? 0)));
}

export function isSameValue(view: DataView, at: number, expected: WastValue): boolean {
  const { bits, texts } = lanesOf(expected);
  return texts.every((text, i) => isSameLane(readLane(view, at + (i * bits) / 8, bits), bits, text));
}

/** The bits in that slot, for a message. */
export function showValue(view: DataView, at: number, type: ValueType): string {
  const hex = (offset: number) =>
    view
      .getBigUint64(at + offset, true)
      .toString(16)
      .padStart(16, '0');
  if (type === 'v128') return `v128 0x${hex(8)}${hex(0)}`;
  const bits = LANE_BITS[type] ?? 64;
  return `${type} 0x${readLane(view, at, bits).toString(16)}`;
}

function lanesOf({ type, lane_type, value }: WastValue): { bits: number; texts: readonly Text[] } {
  const bits = LANE_BITS[type === 'v128' ? (lane_type ?? '') : type];
  if (bits === undefined || value === undefined) throw new Error(`cannot read a value of type ${type}`);
  return { bits, texts: typeof value === 'string' ? [value] : value };
}

function isSameLane(actual: bigint, bits: number, expected: Text): boolean {
  if (expected !== 'nan:canonical' && expected !== 'nan:arithmetic') return actual === BigInt(expected ?? 0);
  const fraction = FRACTION_BITS[bits]!;
  const sign = 1n << BigInt(bits - 1);
  const quiet = sign - (1n << (fraction - 1n));
  return (expected === 'nan:canonical' ? actual & ~sign : actual & quiet) === quiet;
}

function writeLane(view: DataView, at: number, bits: number, value: bigint): void {
  if (bits === 64) view.setBigUint64(at, BigInt.asUintN(64, value), true);
  else if (bits === 32) view.setUint32(at, Number(BigInt.asUintN(32, value)), true);
  else if (bits === 16) view.setUint16(at, Number(BigInt.asUintN(16, value)), true);
  else view.setUint8(at, Number(BigInt.asUintN(8, value)));
}

function readLane(view: DataView, at: number, bits: number): bigint {
  if (bits === 64) return view.getBigUint64(at, true);
  if (bits === 32) return BigInt(view.getUint32(at, true));
  if (bits === 16) return BigInt(view.getUint16(at, true));
  return BigInt(view.getUint8(at));
}
