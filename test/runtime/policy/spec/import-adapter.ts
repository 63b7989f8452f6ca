import { RESULTS_AT, SLOT_BYTES } from './adapter.ts';
import { body, call, constant, functionType, load, localGet, moduleOf, store, text } from './assemble.ts';
import type { NumberType } from './assemble.ts';
import { compile, instantiate } from './engine.ts';
import type { Memory } from './engine.ts';

/**
 * A function for a module to import that takes and answers numbers and vectors, which JavaScript could not:
 * it leaves its arguments in `memory`, calls `notice`, and answers what lies behind `RESULTS_AT` then.
 */
export function adaptImport(
  params: readonly NumberType[],
  results: readonly NumberType[],
  memory: Memory,
  notice: () => void,
): unknown {
  const keep = params.flatMap((type, i) => [...constant(SLOT_BYTES * i), ...localGet(i), ...store(type)]);
  const answer = results.flatMap((type, i) => [...constant(RESULTS_AT + SLOT_BYTES * i), ...load(type)]);
  const module = moduleOf([
    [1, [functionType(params, results), functionType([], [])]],
    [
      2,
      [
        [...text(''), ...text('notice'), 0, 1],
        [...text(''), ...text('memory'), 2, 0, 1],
      ],
    ],
    [3, [[0]]],
    [7, [[...text('run'), 0, 1]]],
    [10, [body([], [...keep, ...call(0), ...answer])]],
  ]);
  return instantiate(compile(module), { '': { notice, memory } })['run'];
}
