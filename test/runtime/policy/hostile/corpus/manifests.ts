import { MANIFEST_SECTION } from '../../../../../runtime/contract.ts';
import { manifestBytesMax } from '../../../../../runtime/limits.ts';
import { concatenate, custom } from '../bytes.ts';
import type { Bytes } from '../bytes.ts';
import type { Hostile } from '../hostile.ts';
import { SOUND_MANIFEST, componentWith, policyOf } from '../policies.ts';
import { assemble, policyText } from '../policy-text.ts';

const MALFORMED = 'admission manifest-malformed';
const SETTING = { name: 'heat', type: 'number', description: 'some', default: 1 };

const saying = (name: string, fields: object, must: Hostile['must'] = MALFORMED): Hostile => ({
  name,
  policy: () => policyOf({}, { manifest: { ...SOUND_MANIFEST, ...fields } }),
  must,
});
const setting = (name: string, fields: object, must: Hostile['must'] = MALFORMED): Hostile =>
  saying(name, { settings: [{ ...SETTING, ...fields }] }, must);
/** The bytes of the sections that claim to be the manifest. */
const raw = (name: string, must: Hostile['must'], ...texts: readonly (string | Bytes)[]): Hostile => ({
  name,
  policy: () =>
    componentWith(
      concatenate(
        assemble(policyText()),
        ...texts.map((text) => custom(MANIFEST_SECTION, Buffer.from(text as string))),
      ),
    ),
  must,
});
const SOUND = JSON.stringify(SOUND_MANIFEST);
const member = (text: string): string => `${text},${SOUND.slice(1)}`;
const padding = ' '.repeat(manifestBytesMax - Buffer.byteLength(SOUND));

/** To say of itself what breaks who reads it. */
export const manifests: readonly Hostile[] = [
  raw('no manifest', MALFORMED),
  raw('two manifests', MALFORMED, SOUND, SOUND),
  raw('an empty manifest', MALFORMED, ''),
  raw('a manifest that is null', MALFORMED, 'null'),
  raw('a manifest nested 32,000 deep', MALFORMED, '['.repeat(32_000) + ']'.repeat(32_000)),
  raw('a manifest nested in its own fields', MALFORMED, '{"abi":'.repeat(9000) + '0' + '}'.repeat(9000)),
  raw('a manifest of bytes that are no text', MALFORMED, Uint8Array.of(0x7b, 0xff, 0xfe, 0x7d)),
  raw('a manifest of as many bytes as allowed', 'harmless', SOUND + padding),
  raw('a manifest of one byte too many', MALFORMED, `${SOUND}${padding} `),
  raw('a manifest that says a field twice', MALFORMED, SOUND.replace(/}$/, ',"stateBytesMax":1e9}')),
  raw('a manifest that sets its prototype', MALFORMED, member('{"__proto__":{"polluted":1}')),
  raw('a manifest with a constructor', MALFORMED, member('{"constructor":{"prototype":{"polluted":1}}')),
  raw('numbers beyond all numbers', MALFORMED, SOUND.replace(/"stateVersion":\d+/, '"stateVersion":1e999')),
  raw('a manifest that is a program', MALFORMED, '(globalThis.PWNED=1,{})'),
  {
    name: 'a manifest outside of the core module',
    policy: () =>
      concatenate(componentWith(assemble(policyText())), custom(MANIFEST_SECTION, Buffer.from(SOUND))),
    must: MALFORMED,
  },
  setting('a setting called __proto__', { name: '__proto__' }),
  setting('a setting called constructor', { name: 'constructor' }, 'harmless'),
  setting('a setting called toString', { name: 'toString' }, 'harmless'),
  setting('a setting with a field that does not belong', { get: 1 }),
  setting('a setting that steers the terminal', { description: 'a\u001b[2Jb' }),
  setting('a setting of an unknown type', { type: 'function' }),
  setting('a setting whose default is an object', { default: { valueOf: 1 } }),
  setting('a setting whose least is above its most', { min: 2, max: 1 }),
  setting('a setting whose bounds are text', { min: '0' }),
  setting('a text with bounds', { type: 'text', default: 'x', min: 0 }),
  saying('settings without end', {
    settings: Array.from({ length: 65 }, (_, i) => ({ ...SETTING, name: `s${i}` })),
  }),
  saying(
    '64 settings',
    { settings: Array.from({ length: 64 }, (_, i) => ({ ...SETTING, name: `s${i}` })) },
    'harmless',
  ),
  saying('settings that are no list', { settings: { length: 1, 0: SETTING } }),
  saying('a column of the prototype', { columns: ['toString'] }),
  saying('a column that is a number', { columns: [0] }),
  saying(
    'every column',
    {
      columns:
        'accesses writes idleEpochs pages place owner flags coverage faultLatencyUs born verdict block'.split(
          ' ',
        ),
    },
    'harmless',
  ),
  saying('no column', { columns: [] }, 'harmless'),
  saying('more state than there may be', { stateBytesMax: 16 * 1024 * 1024 + 1 }),
  saying('state of less than nothing', { stateBytesMax: -1 }),
  saying('an abi of many digits', { abi: `1.${'0'.repeat(50_000)}` }),
  saying('another abi', { abi: '2.0' }, 'admission abi-mismatch'),
  saying('a name that is a path', { name: '../../etc/passwd' }),
  saying('a name of two lines', { name: 'a\nb' }),
  saying('a description of lone surrogates', { description: '\ud800\udfff\ud800' }, 'harmless'),
  saying('reasons that steer the terminal', { reasons: ['\u009b2J'] }),
];
