import { createHash } from 'node:crypto';
import { adaptFunction, adaptGlobal, RESULTS_AT, SLOT_BYTES } from './adapter.ts';
import { NUMBER_TYPES } from './assemble.ts';
import type { NumberType } from './assemble.ts';
import { compile, engine, instantiate } from './engine.ts';
import type { CoreFunction, Exports, Memory } from './engine.ts';
import { createRandom } from './generate.ts';
import type { Random } from './generate.ts';
import { adaptImport } from './import-adapter.ts';
import type { Outside, Signature } from './outside.ts';
import { showValue } from './values.ts';

/** How deep a generated module may call its own exports through what it imports. */
const REENTRY_MAX = 3;
const ROUNDS = 3;

/** All that can be seen of a module's run, in order: the same for modules that do the same. */
export interface Seen {
  readonly lines: readonly string[];
  /** Units burnt by each call; zeros where the module is not metered. */
  readonly fuel: readonly bigint[];
  /** Whether each call answered, and every other that it led to; else something trapped. */
  readonly answered: readonly boolean[];
  /** Calls that came to their end. */
  readonly calls: number;
  /** The call behind them ran out of fuel or stack, and no more was asked of the module. */
  readonly isCutShort: boolean;
}

/** How a module is driven; what differs between plain and metered. */
export interface Driver {
  /** Before the call of that number. */
  refuel(exports: Exports, call: number): void;
  /** Units burnt since then. */
  burnt(exports: Exports, call: number): bigint | 'exhausted';
  /** Between calls: the same instance, or another one of the same state. */
  next(exports: Exports, instantiateAgain: () => Exports): Exports;
}

/** Calls every export of `binary` a few times with arguments that `seed` decides, at most `callsMax` calls. */
export function watch(
  binary: Uint8Array,
  outside: Outside,
  seed: number,
  driver: Driver,
  callsMax = Infinity,
): Seen {
  const memory = new engine.Memory({ initial: 1, maximum: 1 });
  const view = new DataView(memory.buffer);
  const random = createRandom(seed);
  const lines: string[] = [];
  const fuel: bigint[] = [];
  const answered: boolean[] = [];
  let depth = 0;
  let traps = 0;
  let overflowed = false;

  function call(at: number): void {
    const { name, signature } = outside.functions[at % outside.functions.length]!;
    const run = adaptFunction(exports[name], signature.params, signature.results, memory);
    writeArguments(view, signature.params, random);
    try {
      run();
      lines.push(`${name} answers ${show(view, RESULTS_AT, signature.results)}`);
    } catch (thrown) {
      traps++;
      overflowed ||= thrown instanceof RangeError;
      lines.push(`${name} throws ${String(thrown)}`);
      throw thrown;
    }
  }

  /** binaryen's `call-export` and `call-export-catch`; everything else it imports only takes note. */
  function notice(name: string, { params, results }: Signature): void {
    const at = params[0] === 'i32' ? view.getUint32(0, true) : 0;
    lines.push(`${name} is told ${show(view, 0, params)}`);
    let threw = 0;
    if (name.startsWith('call-export') && depth < REENTRY_MAX) {
      depth++;
      try {
        call(at);
      } catch (thrown) {
        if (!name.endsWith('catch')) throw thrown;
        threw = 1;
      } finally {
        depth--;
      }
    }
    results.forEach((_, i) => writeWords(view, RESULTS_AT + SLOT_BYTES * i, threw));
  }

  const support: Record<string, Record<string, unknown>> = {};
  for (const { module, name, signature } of outside.imports)
    (support[module] ??= {})[name] = adaptImport(signature.params, signature.results, memory, () =>
      notice(name, signature),
    );
  const compiled = compile(binary);
  const instantiateAgain = () => instantiate(compiled, support);
  let exports = instantiateAgain();

  const planned = Math.min(callsMax, ROUNDS * outside.functions.length);
  while (fuel.length < planned) {
    driver.refuel(exports, fuel.length);
    const before = traps;
    tryTo(() => call(fuel.length));
    const burnt = driver.burnt(exports, fuel.length);
    if (overflowed || burnt === 'exhausted') break;
    fuel.push(burnt);
    answered.push(traps === before);
    exports = driver.next(exports, instantiateAgain);
  }
  lines.push(...showState(exports, outside, memory));
  return { lines, fuel, answered, calls: fuel.length, isCutShort: fuel.length < planned };
}

function tryTo(run: () => void): void {
  try {
    run();
  } catch {
    // It is in the lines.
  }
}

function showState(exports: Exports, { globals }: Outside, memory: Memory): string[] {
  const view = new DataView(memory.buffer);
  const values = globals.map((global) => {
    const [read, type] = readerOf(exports[global], memory);
    read();
    return `${global} is ${showValue(view, RESULTS_AT, type)}`;
  });
  const { buffer } = exports['memory'] as Memory;
  const digest = createHash('sha256').update(new Uint8Array(buffer)).digest('hex');
  return [...values, `memory of ${buffer.byteLength} bytes is ${digest}`];
}

/** No type of a global can be asked for, so each is tried. */
function readerOf(global: unknown, memory: Memory): readonly [CoreFunction, NumberType] {
  for (const type of NUMBER_TYPES)
    try {
      return [adaptGlobal(global, type, memory), type];
    } catch {
      // It is of another type.
    }
  throw new Error('a global holds neither a number nor a vector');
}

function show(view: DataView, at: number, types: readonly NumberType[]): string {
  return types.map((type, i) => showValue(view, at + SLOT_BYTES * i, type)).join(', ');
}

/** Small numbers, all bits and any bits, so that branches and bounds are met from both sides. */
function writeArguments(view: DataView, params: readonly NumberType[], random: Random): void {
  params.forEach((_, i) => {
    const at = SLOT_BYTES * i;
    const kind = random.below(3);
    if (kind === 0) writeWords(view, at, random.below(20));
    else if (kind === 1) writeWords(view, at, -1, -1);
    else random.bytes(SLOT_BYTES).forEach((byte, offset) => view.setUint8(at + offset, byte));
  });
}

function writeWords(view: DataView, at: number, low: number, rest = 0): void {
  for (let word = 0; word < SLOT_BYTES; word += 4) view.setInt32(at + word, word === 0 ? low : rest, true);
}
