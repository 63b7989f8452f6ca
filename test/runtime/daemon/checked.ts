import { failure, success } from '../../../executor/result.ts';
import { checkConfig, type CheckedConfig } from '../../../runtime/config/check.ts';
import { hold } from '../../../runtime/govern/hold.ts';
import { openShelf, type FoundPolicy, type Shelf } from '../../../runtime/policy/shelf.ts';
import { parsed, sample } from '../config/sample.ts';

/** What comes with Terrace, and files; nothing is built. */
export const builtInShelf = openShelf({ build: async () => failure('source-invalid', 'not built here') });

/** Has whatever it is asked for, with one setting; `contents` are files behind names that say something new. */
export function paperShelf(contents: Readonly<Record<string, string>> = {}): Shelf {
  const setting = { name: 'heat', type: 'integer', description: '', default: 1, min: 0, max: 9 } as const;
  return {
    async find(named) {
      const [name, version = '1.0.0'] = named.split('@');
      const manifest = { ...hold.manifest, name: name!, version, settings: [setting] };
      const digest = contents[named] ?? `digest of ${named}`;
      return success({ manifest, digest, from: named } as unknown as FoundPolicy);
    },
  };
}

/** Of a file whose one scope is `batch`, or has other scopes; see config/sample.ts. */
export async function checkedOf(
  changes: { readonly top?: object; readonly scope?: object },
  shelf: Shelf = paperShelf(),
): Promise<CheckedConfig> {
  const checked = await checkConfig(parsed(sample(changes)), shelf);
  if (!checked.ok) throw new Error(checked.message);
  return checked.value;
}
