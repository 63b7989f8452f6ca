import { readPolicy } from '../../../runtime/policy/parse/read-policy.ts';
import { must, owned, refusalCode } from '../expect.ts';
import { checkMeter } from '../check-meter.ts';

const MEMORY_PAGES_MAX = 1024;

/** A component: the parsers of component, core module and manifest, and what admission makes of them. */
export function fuzz(input: Uint8Array): string {
  const bytes = owned(input);
  const policy = readPolicy(bytes, MEMORY_PAGES_MAX);
  if (!policy.ok) {
    const code = refusalCode(policy);
    checkPlace(policy.message, bytes.length);
    return code;
  }
  const { core, manifest, outline } = policy.value;
  must(typeof manifest.name === 'string' && Array.isArray(manifest.columns), 'a manifest with holes');
  must(outline.bytes === bytes.length && outline.functions >= 0, 'an outline of something else');
  // Operands' types are V8's to judge; whatever it takes must then be counted.
  const metered = checkMeter(owned(core), MEMORY_PAGES_MAX);
  must(metered === 'invalid' || metered === 'metered', `admitted, valid, yet ${metered} by the meter`);
  return `admitted, ${metered}`;
}

/** Every refusal says at which byte, and there is such a byte. */
function checkPlace(message: string, length: number): void {
  const places = [...message.matchAll(/\bbyte 0x([0-9a-f]+) of the (component|core module)\)$/g)];
  must(places.length === 1, `a refusal without a place: ${message}`);
  must(Number.parseInt(places[0]![1]!, 16) <= length, `a refusal behind the end: ${message}`);
}
