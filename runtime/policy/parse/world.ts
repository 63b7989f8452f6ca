import { shapeOf } from './component-types.ts';
import type { Fields, ShapeTable } from './component-types.ts';

/** How one function of the world crosses into the core module, by the canonical ABI. */
export interface WorldExport {
  readonly shape: number;
  /** Of the core function, and of its `cabi_post_…`, which takes what it answered. */
  readonly signature: string;
  readonly postSignature: string;
  /** Whether lists go in, for which the host needs `cabi_realloc`. */
  readonly takesLists: boolean;
  readonly hasText: boolean;
}

export interface World {
  readonly exports: ReadonlyMap<string, WorldExport>;
  readonly logShape: number;
}

export const LOG_SIGNATURE = 'i32 i32 i32 ->';
export const REALLOC_SIGNATURE = 'i32 i32 i32 i32 -> i32';

const i32 = (count: number): string => Array.from({ length: count }, () => 'i32').join(' ');

function exported(
  shape: number,
  params: number,
  result: boolean,
  { takesLists = params > 0, hasText = false } = {},
): WorldExport {
  return {
    shape,
    signature: `${i32(params)} -> ${result ? 'i32' : ''}`.trim(),
    postSignature: result ? 'i32 ->' : '->',
    takesLists,
    hasText,
  };
}

/** The world `policy` of policies/wit/policy.wit, in the numbers of `shapes`. */
export function describeWorld(shapes: ShapeTable): World {
  const primitive = (name: string): number => shapes(shapeOf.primitive(name));
  const list = (element: number): number => shapes(shapeOf.list(element));
  const record = (fields: Fields): number => shapes(shapeOf.record(fields));
  const variant = (cases: Fields): number => shapes(shapeOf.variant(cases));
  const fn = (params: Fields, result?: number): number => shapes(shapeOf.function(params, result));

  const [u8, u16, u32, f32, f64] = ['u8', 'u16', 'u32', 'f32', 'f64'].map(primitive) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const [bool, string] = [primitive('bool'), primitive('string')];
  const [bytes, shorts, words, floats] = [list(u8), list(u16), list(u32), list(f32)];

  const data = variant(Object.entries({ bytes, shorts, words, floats }));
  const column = record(Object.entries({ id: u16, data }));
  const chunk = record(Object.entries({ first: u32, count: u32, columns: list(column) }));
  const place = record([
    ...Object.entries({ tier: u8, kind: u8, state: u8, capacity: u32, room: u32, budget: u32 }),
    ['latency-ns', u32],
    ['bandwidth-mib', u32],
  ]);
  const metric = record(Object.entries({ id: u16, subject: u16, value: f64 }));
  const events = record(Object.entries({ kinds: bytes, regions: words, others: words }));
  const wish = record(Object.entries({ id: u16, subject: u16, value: u32 }));
  const epoch = record([
    ['number', u32],
    ['length-ms', u32],
    ['regions', u32],
    ['owners', u16],
    ['sampling-period', u32],
    ['places', list(place)],
    ['metrics', list(metric)],
    ['events', events],
  ]);
  const plan = record([
    ...Object.entries({
      regions: words,
      targets: bytes,
      priorities: shorts,
      reasons: bytes,
      headroom: words,
    }),
    ['wishes', list(wish)],
  ]);
  const value = variant(Object.entries({ number: f64, truth: bool, text: string }));
  const setting = record(Object.entries({ name: string, value }));
  const refusal = shapes(shapeOf.result(undefined, string));

  return {
    logShape: fn(Object.entries({ level: u8, message: string })),
    exports: new Map([
      ['configure', exported(fn([['settings', list(setting)]], refusal), 2, true, { hasText: true })],
      ['begin', exported(fn(Object.entries({ epoch })), 15, false)],
      ['observe', exported(fn(Object.entries({ chunk })), 4, false)],
      ['decide', exported(fn([], plan), 0, true)],
      ['save', exported(fn([], bytes), 0, true)],
      [
        'restore',
        exported(fn(Object.entries({ version: u32, state: bytes }), refusal), 3, true, { hasText: true }),
      ],
    ]),
  };
}
