import type { Hostile } from '../hostile.ts';
import { policyOf } from '../policies.ts';
import { AT, answerPlan } from '../policy-text.ts';
import type { Parts } from '../policy-text.ts';

const crossing = (name: string, must: Hostile['must'], parts: Parts): Hostile => ({
  name,
  policy: () => policyOf(parts),
  must,
});
const giving = (name: string, must: Hostile['must'], realloc: string): Hostile =>
  crossing(name, must, { realloc });
/** After the settings, of which there are none, so that it fails in an epoch. */
const EPOCHS = {
  fields: '(global $begun (mut i32) (i32.const 0))',
  postConfigure: '(global.set $begun (i32.const 1))',
};
const once = (name: string, must: Hostile['must'], realloc: string): Hostile =>
  crossing(name, must, {
    ...EPOCHS,
    realloc: `(if (result i32) (global.get $begun) (then ${realloc}) (else (i32.const ${AT.heap})))`,
  });
const MAKE_ROOM = '(drop (call $realloc (i32.const 0) (i32.const 0) (i32.const 8) (i32.const 64)))';
const BEGIN = `(call $begin ${'(i32.const 7) '.repeat(15)})`;

/** To give the host no room, or room that is none, or its own ground. */
export const allocators: readonly Hostile[] = [
  giving('room at address 0', 'harmless', '(i32.const 0)'),
  giving('the same room for everything', 'harmless', `(i32.const ${AT.heap})`),
  giving('room outside of memory', 'load policy-trapped', '(i32.const -8)'),
  once('room outside of memory, once loaded', 'epoch plan-unreadable', '(i32.const -8)'),
  once('room across the end of memory', 'epoch plan-unreadable', '(i32.const 131064)'),
  once('room at an odd address', 'epoch plan-unreadable', '(i32.const 65537)'),
  once('room at an address of a smaller alignment', 'epoch plan-unreadable', '(i32.const 65540)'),
  once('room on its own plan', 'epoch plan-unreadable', `(i32.const ${AT.plan})`),
  once('room on the records just handed over', 'harmless', `(i32.const ${AT.heap + 8})`),
  once('no room but a trap', 'epoch policy-trapped', '(unreachable)'),
  once(
    'room that moves with each call, down',
    'harmless',
    '(global.set $next (i32.sub (global.get $next) (i32.const 64))) (i32.and (global.get $next) (i32.const 0xfff8))',
  ),
];

/** To be in two calls at once. */
export const entries: readonly Hostile[] = [
  once(
    'an epoch begun and decided while room is asked for',
    'harmless',
    `${BEGIN} (drop (call $decide)) (i32.const ${AT.heap})`,
  ),
  once(
    'a column observed while columns are handed over',
    'harmless',
    `(call $observe (i32.const 0) (i32.const 8) (i32.const 0) (i32.const 2)) (i32.const ${AT.heap})`,
  ),
  crossing('every export out of decide', 'harmless', {
    decide: `(call $initialize) (drop (call $configure (i32.const 0) (i32.const 0))) ${BEGIN}
      (call $observe (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) (drop (call $save))
      (drop (call $restore (i32.const 0) (i32.const 0) (i32.const 0))) ${MAKE_ROOM} ${answerPlan}`,
  }),
  crossing('decide out of what cleans up after it', 'harmless', { postDecide: '(drop (call $decide))' }),
  crossing('a trap in what cleans up', 'epoch policy-trapped', { postDecide: '(unreachable)' }),
  crossing('a trap in what cleans up after configure', 'load policy-trapped', {
    postConfigure: '(unreachable)',
  }),
  crossing('an export that is another export', 'harmless', {
    fields: '(export "cabi_post_begin" (func $initialize))',
  }),
  crossing('an answer of configure that is neither', 'load policy-trapped', {
    configure: `(i32.const ${AT.text + 16})`,
    fields: `(data (i32.const ${AT.text + 16}) "\\07")`,
  }),
  crossing('settings refused in words without memory', 'load policy-trapped', {
    configure: `(i32.store (i32.const ${AT.error + 4}) (i32.const -2)) (i32.const ${AT.error})`,
  }),
  crossing('settings refused in 8 GiB of words', 'load policy-trapped', {
    configure: `(i32.store (i32.const ${AT.error + 8}) (i32.const -1)) (i32.const ${AT.error})`,
  }),
  crossing('settings refused in 60,000 words', 'load settings-refused', {
    configure: `(i32.store (i32.const ${AT.error + 8}) (i32.const 60000)) (i32.const ${AT.error})`,
  }),
  crossing('settings refused that it does not have', 'load settings-refused', {
    configure: `(i32.const ${AT.error})`,
  }),
  crossing('a trap in configure', 'load policy-trapped', { configure: '(unreachable)' }),
];
