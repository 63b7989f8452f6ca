import {
  body,
  call,
  constant,
  functionType,
  globalGet,
  isNumber,
  load,
  localGet,
  localSet,
  moduleOf,
  store,
  text,
  TYPE_CODE,
} from './assemble.ts';
import type { ValueType } from './assemble.ts';
import { compile, instantiate } from './engine.ts';
import type { CoreFunction, Memory } from './engine.ts';

/** Where an adapter finds arguments and leaves results in its memory, one slot each. */
export const SLOT_BYTES = 16;
export const RESULTS_AT = 32_768;

const compiled = new Map<string, WebAssembly.Module>();

/**
 * Calls `target` from WebAssembly, its arguments and results in memory, because JavaScript cannot hold
 * them: v128 not at all, and NaNs only without their bits. References, which memory cannot hold, go through
 * the parameters and results of the adapter itself.
 */
export function adaptFunction(
  target: unknown,
  params: readonly ValueType[],
  results: readonly ValueType[],
  memory: Memory,
): CoreFunction {
  const module = once(`${params.join()}>${results.join()}`, () => functionAdapter(params, results));
  return instantiate(module, { '': { target, memory } })['run'] as CoreFunction;
}

/** Reads the exported global `target`, as `adaptFunction` reads results. */
export function adaptGlobal(target: unknown, type: ValueType, memory: Memory): CoreFunction {
  const link = (mutable: 0 | 1) =>
    instantiate(
      once(`${mutable} ${type}`, () => globalAdapter(type, mutable)),
      { '': { target, memory } },
    )['run'] as CoreFunction;
  try {
    return link(0);
  } catch {
    return link(1);
  }
}

function once(key: string, build: () => Uint8Array): WebAssembly.Module {
  const module = compiled.get(key) ?? compile(build());
  compiled.set(key, module);
  return module;
}

function functionAdapter(params: readonly ValueType[], results: readonly ValueType[]): Uint8Array {
  const references = params.filter((type) => !isNumber(type));
  let reference = 0;
  const pushes = params.flatMap((type, i) =>
    isNumber(type) ? [...constant(SLOT_BYTES * i), ...load(type)] : localGet(reference++),
  );
  return adapterModule(
    functionType(params, results),
    [0, 1],
    references,
    results,
    [...pushes, ...call(0)],
    1,
  );
}

function globalAdapter(type: ValueType, mutable: 0 | 1): Uint8Array {
  return adapterModule(functionType([], []), [3, TYPE_CODE[type], mutable], [], [type], globalGet(0), 0);
}

/** A module that imports its target and exports `run`: `produce` leaves the results on the stack. */
function adapterModule(
  targetType: number[],
  targetImport: readonly number[],
  references: readonly ValueType[],
  results: readonly ValueType[],
  produce: readonly number[],
  functionsBefore: number,
): Uint8Array {
  const kept = (i: number) => localGet(references.length + i);
  const collect = results.map((_, i) => localSet(references.length + i)).toReversed();
  const hand = results.map((type, i) =>
    isNumber(type) ? [...constant(RESULTS_AT + SLOT_BYTES * i), ...kept(i), ...store(type)] : kept(i),
  );
  const answered = results.filter((type) => !isNumber(type));
  return moduleOf([
    [1, [functionType(references, answered), targetType]],
    [
      2,
      [
        [...text(''), ...text('target'), ...targetImport],
        [...text(''), ...text('memory'), 2, 0, 1],
      ],
    ],
    [3, [[0]]],
    [7, [[...text('run'), 0, functionsBefore]]],
    [10, [body(results, [...produce, ...collect.flat(), ...hand.flat()])]],
  ]);
}
