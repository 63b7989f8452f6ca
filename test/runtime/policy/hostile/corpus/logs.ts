import { expect } from 'vitest';
import { logLineBytesMax, logLinesMax } from '../../../../../runtime/limits.ts';
import type { Hostile } from '../hostile.ts';
import { policyOf } from '../policies.ts';
import { answerPlan } from '../policy-text.ts';
import type { Parts } from '../policy-text.ts';

const log = (name: string, must: Hostile['must'], parts: Parts, check?: Hostile['check']): Hostile => ({
  name,
  policy: () => policyOf(parts),
  must,
  check,
});
/** Logs `units` units from `at`, in the first epoch as in every other. */
const line = (
  name: string,
  must: Hostile['must'],
  [level, at, units]: readonly number[],
  fields = '',
  check?: Hostile['check'],
): Hostile =>
  log(
    name,
    must,
    {
      fields,
      decide: `(call $log (i32.const ${level}) (i32.const ${at}) (i32.const ${units})) ${answerPlan}`,
    },
    check,
  );
const SAY = '(call $log (i32.const 1) (i32.const 4160) (i32.const 2))';
const flood = (
  count: number,
): string => `(local $left i32) (local.set $left (i32.const ${count})) (loop $again ${SAY}
  (br_if $again (local.tee $left (i32.sub (local.get $left) (i32.const 1)))))`;
const text = (content: string): string =>
  `(data (i32.const 8192) "${[...Buffer.from(content, 'utf16le')].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")`;
const says =
  (message: string): Hostile['check'] =>
  ({ log: lines }) =>
    expect(lines[0]!.message).toBe(message);
const STEERING = '\u001b[2J\u001b]0;x\u0007\r\n\u202e\u2028\u009b31m\u0000end';

/** To fill the log, to read the host's memory by it, to steer whoever reads it. */
export const logs: readonly Hostile[] = [
  log(
    '10,000 lines',
    'harmless',
    { decide: `${flood(10_000)} ${answerPlan}` },
    ({ log: lines, logDropped }) => {
      expect(lines).toHaveLength(2 * logLinesMax);
      expect(logDropped).toBe(2 * (10_000 - logLinesMax));
    },
  ),
  log(
    '10,000 lines, then a trap',
    'epoch policy-trapped',
    { decide: `${flood(10_000)} (unreachable)` },
    ({ log: lines }) => expect(lines.length).toBeLessThanOrEqual(logLinesMax),
  ),
  log('lines from every export', 'harmless', {
    ...{ initialize: SAY, begin: SAY, observe: SAY, decide: `${SAY} ${answerPlan}` },
    ...{ postDecide: SAY, configure: `${SAY} (i32.const 3072)`, postConfigure: SAY },
  }),
  log(
    '10,000 lines before it is asked anything',
    'harmless',
    { initialize: flood(10_000) },
    ({ log: lines }) => expect(lines.length).toBeLessThanOrEqual(logLinesMax),
  ),
  log('lines while room is asked for', 'harmless', { realloc: `${SAY} (i32.const 65536)` }),
  line('a line of 100,000 bytes', 'harmless', [1, 0, 50_000], '', ({ log: lines }) =>
    expect(Buffer.byteLength(lines[0]!.message)).toBeLessThanOrEqual(logLineBytesMax),
  ),
  line('a line of 4 GiB', 'epoch plan-unreadable', [1, 0, -1]),
  line('a line whose bytes wrap around 32 bits', 'epoch plan-unreadable', [1, 2, 0x7fff_ffff]),
  line('a line across the end of memory', 'epoch plan-unreadable', [1, 131_070, 2]),
  line('a line at an address without memory', 'epoch plan-unreadable', [1, -4096, 1]),
  line('a line of no length without memory', 'epoch plan-unreadable', [1, -2, 0]),
  line('a line at an odd address', 'epoch plan-unreadable', [1, 4161, 1]),
  line(
    'a line of lone surrogates',
    'harmless',
    [1, 8192, 3],
    text('\ud800\udc00\ud800').replace('\\00\\d8\\00\\dc', '\\00\\dc\\00\\dc'),
  ),
  line('a line that ends in half a character', 'harmless', [1, 8192, 1], text('😀'), says('�')),
  line(
    'a line that steers the terminal',
    'harmless',
    [1, 8192, STEERING.length],
    text(STEERING),
    ({ log: lines }) => expect(lines[0]!.message).toMatch(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}]*end$/u),
  ),
  line('a line of a level that is none', 'harmless', [-1, 4160, 2], '', ({ log: lines }) =>
    expect(lines[0]!.level).toBe(255),
  ),
  line(
    'a line that claims to be the host’s fault',
    'harmless',
    [4, 8192, 11],
    text('host-failed'),
    says('host-failed'),
  ),
  log(
    'a log called through a table',
    'harmless',
    {
      fields: '(type $line (func (param i32 i32 i32))) (table 1 funcref) (elem (i32.const 0) $log)',
      decide: `(call_indirect (type $line) (i32.const 1) (i32.const 4160) (i32.const 2) (i32.const 0)) ${answerPlan}`,
    },
    says('no'),
  ),
];
