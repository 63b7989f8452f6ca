import type { Hostile } from '../hostile.ts';
import { coreChanged, policyOf } from '../policies.ts';
import { LOG_IMPORT, policyText } from '../policy-text.ts';
import type { Parts } from '../policy-text.ts';
import { concatenate, leb128, name as text, section, withSections } from '../bytes.ts';
import type { Bytes } from '../bytes.ts';

const FORBIDDEN = 'admission import-forbidden';
const importing = (
  name: string,
  imports: string,
  must: Hostile['must'] = FORBIDDEN,
  features: readonly string[] = [],
): Hostile => ({
  name,
  policy: () => policyOf({ imports: `${LOG_IMPORT} ${imports}` }, { features }),
  must,
});
/** Import names as text cannot hold them. */
const named = (name: string, from: string, item: string): Hostile => ({
  name,
  policy: () =>
    coreChanged((core) =>
      withSections(core, (sections) =>
        sections.map((entry) =>
          entry.id === 2
            ? section(2, concatenate([1], text(from), text(item), entry.payload.subarray(-2)))
            : entry,
        ),
      ),
    ),
  must: FORBIDDEN,
});

/** To be handed what no policy is handed. */
export const imports: readonly Hostile[] = [
  named('an import whose name is code in quotes', `x':(globalThis.PWNED=1),'y`, 'log'),
  named('an import whose item is code in quotes', '$root', `log':(globalThis.PWNED=1),'y`),
  named('an import of the prototype', '__proto__', 'log'),
  named('an import of an item of the prototype', '$root', 'constructor'),
  named('an import without a name', '', ''),
  named('an import that looks like log', '$root', 'lоg'),
  named('an import named like log and more', '$root', 'log\u0000'),
  named('an import of a name of 100,000 bytes', 'x'.repeat(100_000), 'log'),
  importing(
    'files through WASI',
    '(import "wasi_snapshot_preview1" "path_open" (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))',
  ),
  importing('a clock', '(import "env" "Date.now" (func (result f64)))'),
  importing('chance', '(import "env" "seed" (func (result f64)))'),
  importing('the memory of somebody else', '(import "$root" "memory" (memory 1))'),
  importing('a global of the host', '(import "$root" "fuel" (global (mut i64)))'),
  importing('the fuel counter by its name', '(import "terrace" "fuel" (global (mut i64)))'),
  importing('a table of the host', '(import "$root" "table" (table 1 funcref))'),
  importing(
    'the strings of JavaScript',
    '(import "wasm:js-string" "length" (func (param externref) (result i32)))',
  ),
  importing('an exception of the host', '(import "$root" "tag" (tag))', FORBIDDEN, ['exceptions']),
  importing('log with a 64-bit address', '(import "$root" "log" (func (param i32 i64 i32)))'),
  importing('log that answers', '(import "$root" "log" (func (param i32 i32 i32) (result i32)))'),
  importing('log twice', LOG_IMPORT.replace('$log', '$log2'), 'admission component-malformed'),
  { name: 'no import at all', policy: () => policyOf({ imports: '' }), must: 'harmless' },
];

const exporting = (name: string, fields: string, must: Hostile['must'], parts: Parts = {}): Hostile => ({
  name,
  policy: () => policyOf({ ...parts, fields }),
  must,
});
/** The sound policy with one of its exports given to something else. */
const replaced = (name: string, find: string | RegExp, by: string, must: Hostile['must']): Hostile => ({
  name,
  policy: () => coreOfText((source) => source.replace(find, by)),
  must,
});
const exportBytes =
  (count: number, ...entry: readonly Bytes[]): ((core: Uint8Array) => Uint8Array) =>
  (core) =>
    withSections(core, (sections) =>
      sections.map((found) =>
        found.id === 7
          ? section(7, concatenate(leb128(found.payload[0]! + count), found.payload.subarray(1), ...entry))
          : found,
      ),
    );
const POST = /\(func \(export "cabi_post_decide"\) \(param \$answer i32\)/;

/** To be called under names that mean something to somebody else. */
export const exports: readonly Hostile[] = [
  exporting(
    'the fuel counter, exported by the policy',
    '(global (export "terrace:fuel") (mut i64) (i64.const 0x7fffffffffffffff))',
    'admission module-forbidden',
  ),
  exporting('another name of ours', '(func (export "terrace:anything"))', 'admission module-forbidden'),
  exporting(
    'names of JavaScript',
    ['__proto__', 'constructor', 'then', 'toString', 'valueOf']
      .map((name) => `(func (export "${name}"))`)
      .join(''),
    'harmless',
  ),
  exporting('an export without a name', '(func (export ""))', 'harmless'),
  exporting('the import, exported', '(export "again" (func $log))', 'harmless'),
  exporting('a mutable global', '(global (export "state") (mut i32) (i32.const 0))', 'harmless'),
  exporting('a table', '(table (export "__indirect_function_table") 1 funcref)', 'harmless'),
  {
    name: 'an export twice',
    policy: () => coreChanged(exportBytes(1, text('decide'), [0, 0])),
    must: 'admission module-invalid',
  },
  {
    name: 'an export of a function that is not there',
    policy: () => coreChanged(exportBytes(1, text('more'), [0, 99])),
    must: 'admission module-invalid',
  },
  {
    name: 'an export of an unknown kind',
    policy: () => coreChanged(exportBytes(1, text('more'), [9, 0])),
    must: 'admission module-invalid',
  },
  replaced(
    '_initialize that is a global',
    '(export "_initialize")',
    '(export "other") (nop)) (global (export "_initialize") i32 (i32.const 0)) (func',
    'admission component-malformed',
  ),
  replaced(
    'cabi_post_decide that is a global',
    POST,
    '(global (export "cabi_post_decide") i32 (i32.const 0)) (func (param $answer i32)',
    'admission component-malformed',
  ),
  replaced(
    'cabi_post_decide of another type',
    POST,
    '(func (export "cabi_post_decide") (param $answer i64)',
    'admission component-malformed',
  ),
  replaced('no cabi_post_decide', POST, '(func (param $answer i32)', 'harmless'),
  replaced(
    'decide of another type',
    '(func $decide (export "decide") (result i32)',
    '(func $decide (export "decide") (result i64)',
    'admission component-malformed',
  ),
  replaced(
    '_initialize that wants something',
    '(export "_initialize")',
    '(export "_initialize") (param i32)',
    'admission component-malformed',
  ),
  replaced('no cabi_realloc', '(export "cabi_realloc")', '', 'admission component-malformed'),
  replaced(
    'decide that is the memory',
    /\(func \$decide \(export "decide"\)/,
    '(export "decide" (memory 0)) (func $decide',
    'admission component-malformed',
  ),
];

function coreOfText(change: (text: string) => string): Uint8Array {
  return policyOf(change(policyText()));
}
