import { failure, success, type Result } from '../../../executor/result.ts';
import { createShapeTable } from '../parse/component-types.ts';
import { EXTERNAL } from '../parse/core-format.ts';
import type { CoreModule } from '../parse/core-module.ts';
import { describeWorld, LOG_SIGNATURE, REALLOC_SIGNATURE } from '../parse/world.ts';
import type { LoadFault } from '../policy.ts';
import { quote } from '../quote.ts';

/**
 * Whether a core module imports and exports what the world asks, in words for whoever compiled it: the
 * componentizer's own message names neither the type wanted nor the way out. What passes here is judged once
 * more, as a component, by the admission.
 */
export function checkOutside(module: CoreModule): Result<void, LoadFault> {
  for (const { module: from, name, signature } of module.imports) {
    if (from === '$root' && name === 'log' && signature === LOG_SIGNATURE) continue;
    return failure(
      'import-forbidden',
      `the module imports ${quote(`${from} ${name}`)} (${signature}); it may import only $root log (${LOG_SIGNATURE}): define it in the policy`,
    );
  }
  for (const [name, signature] of wantedFunctions()) {
    const entry = module.exports.get(name);
    const found = entry?.kind === EXTERNAL.function ? module.functions[entry.index]?.signature : undefined;
    if (found === signature) continue;
    const what = found === undefined ? 'does not export' : `exports as (${found})`;
    return failure(
      'world-mismatch',
      `the module ${what} the function ${name} (${signature}); docs/languages.md lists what it must export`,
    );
  }
  if (module.exports.get('memory')?.kind === EXTERNAL.memory) return success(undefined);
  return failure(
    'world-mismatch',
    'the module does not export its memory as `memory`; let the linker export it',
  );
}

function wantedFunctions(): Map<string, string> {
  const wanted = new Map([['cabi_realloc', REALLOC_SIGNATURE]]);
  for (const [name, { signature }] of describeWorld(createShapeTable()).exports) wanted.set(name, signature);
  return wanted;
}
