import type { BinaryReader } from '../parse/binary-reader.ts';
import { METER_PREFIX } from '../parse/core-format.ts';
import { EMIT, VALUE, join, signed, unsigned } from './encode.ts';
import type { Bytes } from './encode.ts';
import type { GlobalType } from '../parse/spaces.ts';

/** A function that metering appends, which declares no locals. */
export interface Addition {
  readonly params: readonly number[];
  readonly results: readonly number[];
  readonly code: Bytes;
  readonly exportName?: string;
}

/** What a charging function answers to a wish for more than there is: nothing happens, so it costs nothing. */
interface Price {
  /** Fuel for one item, as a power of two. */
  readonly shift: number;
  /** Code that yields, as i64, how many items there may be at most. */
  readonly most: readonly number[];
}

const WIDE_MEMORY_SIZE = [EMIT.memorySize, 0, EMIT.i64ExtendI32U];
const PAGE_SHIFT = 16;

/** Charges a unit a byte for a length of which memory has room; any other makes its instruction trap. */
export function chargeBytes(fuel: number): Addition {
  const most = [...WIDE_MEMORY_SIZE, EMIT.i64Const, PAGE_SHIFT, EMIT.i64Shl];
  return chargeItems(fuel, { shift: 0, most });
}

/** Charges a unit for each byte of new pages, which somebody has to zero; growing beyond the maximum fails. */
export function chargePages(fuel: number, pagesMax: number): Addition {
  const most = [EMIT.i64Const, ...signed(BigInt(pagesMax)), ...WIDE_MEMORY_SIZE, EMIT.i64Sub];
  return chargeItems(fuel, { shift: PAGE_SHIFT, most });
}

function chargeItems(fuel: number, { shift, most }: Price): Addition {
  const items = [EMIT.localGet, 0, EMIT.i64ExtendI32U];
  const units = [...items, EMIT.i64Const, shift, EMIT.i64Shl];
  const load = [EMIT.globalGet, ...unsigned(fuel)];
  const code = [
    ...load,
    ...[...units, EMIT.i64Const, 0, ...items, ...most, EMIT.i64LeU, EMIT.select],
    ...[EMIT.i64Sub, EMIT.globalSet, ...unsigned(fuel)],
    ...[...load, EMIT.i64Const, 0, EMIT.i64LtS, EMIT.if, VALUE.none, EMIT.unreachable, EMIT.end],
    ...[EMIT.localGet, 0],
  ];
  return { params: [VALUE.i32], results: [VALUE.i32], code };
}

/** How a value becomes a 64-bit word, and back. */
const CONVERSIONS: Readonly<Record<number, { toWord: readonly number[]; fromWord: readonly number[] }>> = {
  [VALUE.i64]: { toWord: [], fromWord: [] },
  [VALUE.i32]: { toWord: [EMIT.i64ExtendI32U], fromWord: [EMIT.i32WrapI64] },
  [VALUE.f32]: {
    toWord: [EMIT.i32ReinterpretF32, EMIT.i64ExtendI32U],
    fromWord: [EMIT.i32WrapI64, EMIT.f32ReinterpretI32],
  },
  [VALUE.f64]: { toWord: [EMIT.i64ReinterpretF64], fromWord: [EMIT.f64ReinterpretI64] },
};

/**
 * Reads and writes every mutable global as 64-bit words, bit for bit: JavaScript would lose the bits of a
 * NaN and cannot touch a vector at all.
 */
export function accessors(reader: BinaryReader, globals: readonly GlobalType[]): Addition[] {
  const pairs: (readonly [get: Bytes, set: Bytes])[] = [];
  for (const [index, { type, mutable }] of globals.entries()) {
    if (!mutable) continue;
    const load = [EMIT.globalGet, ...unsigned(index)];
    const store = [EMIT.globalSet, ...unsigned(index)];
    const conversion = CONVERSIONS[type];
    if (conversion !== undefined) {
      const { toWord, fromWord } = conversion;
      pairs.push([
        [...load, ...toWord],
        [EMIT.localGet, 0, ...fromWord, ...store],
      ]);
    } else if (type === VALUE.v128)
      for (const lane of [0, 1])
        pairs.push([
          [...load, ...EMIT.i64x2ExtractLane, lane],
          [...load, EMIT.localGet, 0, ...EMIT.i64x2ReplaceLane, lane, ...store],
        ]);
    else reader.fail('a mutable global holds a reference, which no checkpoint could', 'module-forbidden');
  }
  return pairs.flatMap(([get, set], word) => [
    { params: [], results: [VALUE.i64], code: get, exportName: `${METER_PREFIX}get${word}` },
    { params: [VALUE.i64], results: [], code: set, exportName: `${METER_PREFIX}set${word}` },
  ]);
}

export function encodeBody({ code }: Addition): Bytes {
  return join([[0], code, [EMIT.end]]);
}
