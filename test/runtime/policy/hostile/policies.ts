import type { Manifest } from '../../../../runtime/contract.ts';
import { MANIFEST_SECTION } from '../../../../runtime/contract.ts';
import { MANIFEST, componentOf } from '../specimen.ts';
import { concatenate, custom, leb128, section, withSections } from './bytes.ts';
import type { Bytes, Section } from './bytes.ts';
import { assemble, policyText } from './policy-text.ts';
import type { Parts } from './policy-text.ts';

const CODE = 10;

/** What the hostile ones say of themselves unless that is the hostility. */
export const SOUND_MANIFEST: Manifest = {
  ...MANIFEST,
  name: 'hostile',
  columns: ['accesses', 'pages'],
  settings: [],
  stateBytesMax: 4096,
};

/** The component that wit-component makes of the sound policy. */
export const SOUND = await componentOf(assemble(policyText()), { manifest: SOUND_MANIFEST });

/**
 * The sound component with another core module in it. Whoever means harm is not bound to what a componentizer
 * takes; and what it takes comes out the same.
 */
export function componentWith(core: Uint8Array): Uint8Array {
  return withSections(SOUND, (sections) => {
    const main = sections.findIndex(({ id }) => id === 1);
    return sections.with(main, { id: 1, payload: core });
  });
}

export function withManifest(core: Uint8Array, manifest: unknown = SOUND_MANIFEST): Uint8Array {
  return concatenate(core, custom(MANIFEST_SECTION, Buffer.from(JSON.stringify(manifest))));
}

/** A component out of the sound policy's text with other parts, or out of another text. */
export function policyOf(
  parts: Parts | string,
  { features = [] as readonly string[], manifest = SOUND_MANIFEST as unknown } = {},
): Uint8Array {
  return componentWith(
    withManifest(assemble(typeof parts === 'string' ? parts : policyText(parts), features), manifest),
  );
}

/** A component whose core module is the sound one's, changed byte by byte. */
export function coreChanged(change: (core: Uint8Array) => Uint8Array, parts: Parts = {}): Uint8Array {
  return componentWith(withManifest(change(assemble(policyText(parts)))));
}

/** A component whose core module has one function more, in front of its own, of this body: locals and code. */
export function withBody(...body: readonly Bytes[]): Uint8Array {
  const whole = concatenate(...body);
  const change = ({ id, payload }: Section): Section | Uint8Array => {
    if (id !== CODE) return { id, payload };
    const [count, first] = [payload[0]!, payload[1]!];
    return section(CODE, concatenate([count], leb128(whole.length), whole, payload.subarray(2 + first)));
  };
  return coreChanged((core) => withSections(core, (sections) => sections.map(change)), {
    fields: '(func $first)',
  });
}
