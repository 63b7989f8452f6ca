import { FUEL_EXPORT, meterModule } from '../../../runtime/policy/meter/meter.ts';
import { readCoreModule } from '../../../runtime/policy/parse/core-module.ts';
import { checkMeter } from '../check-meter.ts';
import { must, refusalCode } from '../expect.ts';
import { compile, instantiate } from '../../runtime/policy/spec/engine.ts';
import type { CoreFunction, Exports } from '../../runtime/policy/spec/engine.ts';
import { MEMORY_PAGES_MAX, frameModule } from '../frame-module.ts';

/** Few enough that recursion does not reach the end of the stack, which is nearer when metered. */
const FUEL = 2_000n;

/**
 * The code of two functions in a sound module (frame-module.ts); the first byte says what share of the others is
 * the first's. Metered it does the same as plain, as long as its fuel lasts.
 */
export function fuzz(input: Uint8Array): string {
  const code = input.subarray(1);
  const end = Math.floor(((input[0] ?? 0) * code.length) / 255);
  const original = frameModule([code.subarray(0, end), code.subarray(end)]);
  const module = readCoreModule(original);
  const read = module.ok ? 'read' : refusalCode(module);
  const metered = checkMeter(original, MEMORY_PAGES_MAX);
  if (metered !== 'metered') {
    must(!module.ok || metered === 'invalid', `read, valid, yet refused by the meter as ${metered}`);
    return `${read}, ${metered}`;
  }
  return `${read}, ${compare(original)}`;
}

function compare(original: Uint8Array<ArrayBuffer>): string {
  const metered = meterModule(original, { memoryPagesMax: MEMORY_PAGES_MAX, fuelAtStart: FUEL });
  must(metered.ok, 'refused with fuel');
  const bounded = run(metered.value.binary);
  const left = (bounded.exports[FUEL_EXPORT] as WebAssembly.Global).value;
  must(left <= FUEL, 'more fuel than was given');
  if (left < 0n) {
    must(bounded.ending.startsWith('trap'), `without fuel, ${bounded.ending}`);
    return 'exhausted';
  }
  // It ended by itself, so the original does too.
  const plain = run(original);
  if ([plain, bounded].some(({ ending }) => ending === STACK)) return STACK;
  must(plain.ending === bounded.ending, `plain ${plain.ending}, metered ${bounded.ending}`);
  must(stateOf(plain) === stateOf(bounded), `plain ${stateOf(plain)}, metered ${stateOf(bounded)}`);
  return plain.ending.startsWith('trap') ? 'trap' : 'end';
}

const STACK = 'stack-overflow';

interface Ended {
  readonly exports: Exports;
  readonly ending: string;
}

function run(binary: Uint8Array<ArrayBuffer>): Ended {
  const exports = instantiate(compile(binary), {});
  try {
    return { exports, ending: `end ${String((exports['main'] as CoreFunction)(7, 9n))}` };
  } catch (error) {
    if (error instanceof RangeError) return { exports, ending: STACK };
    must(error instanceof WebAssembly.RuntimeError, `threw ${String(error)}`);
    return { exports, ending: `trap ${error.message}` };
  }
}

/** Memory and globals; all NaN look alike there, since their bits are left open. */
function stateOf({ exports }: Ended): string {
  const memory = Buffer.from((exports['memory'] as WebAssembly.Memory).buffer);
  const globals = ['g0', 'g1', 'g2', 'g3'].map(
    (name) => (exports[name] as { readonly value: unknown }).value,
  );
  return `${memory.length} ${memory.toString('base64').replace(/A+/g, 'A')} ${globals.join()}`;
}
