import { readCoreModule } from '../../../runtime/policy/parse/core-module.ts';
import { checkMeter } from '../check-meter.ts';
import { must, owned, refusalCode } from '../expect.ts';

const MEMORY_PAGES_MAX = 16;

/** A core module: its parser and the rewriter, which do not know of each other. */
export function fuzz(input: Uint8Array): string {
  const bytes = owned(input);
  const module = readCoreModule(bytes);
  const read = module.ok ? 'read' : refusalCode(module);
  checkMeter(bytes);
  const metered = checkMeter(bytes, MEMORY_PAGES_MAX);
  if (module.ok && metered !== 'invalid' && metered !== 'metered') {
    const tooLarge = module.value.memories.some(({ minimum }) => minimum > MEMORY_PAGES_MAX);
    must(tooLarge, `read, valid, yet refused by the meter as ${metered}`);
  }
  return `${read}, ${metered}`;
}
