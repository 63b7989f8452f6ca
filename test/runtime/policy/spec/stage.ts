import { adaptFunction, adaptGlobal, RESULTS_AT, SLOT_BYTES } from './adapter.ts';
import { isNumber, TYPE_CODE } from './assemble.ts';
import type { ValueType } from './assemble.ts';
import { compile, engine, instantiate } from './engine.ts';
import type { CoreFunction, Exports, Imports } from './engine.ts';
import { isSameReference, isSameValue, referenceOf, showValue, writeValue } from './values.ts';
import type { WastValue } from './values.ts';
import type { Action, Command } from './wast.ts';

/** What became of one command. */
export type Outcome =
  /** Where it had to throw: what the engine said, which tells traps apart. */
  | { readonly is: 'held'; readonly thrown?: string }
  | { readonly is: 'broken'; readonly why: string }
  /** The module it needs was not admitted, for the reason of that code. */
  | { readonly is: 'refused'; readonly code: string; readonly why: string }
  /** Nothing that can be run here: a text that only a parser of texts could refuse, or a newer command. */
  | { readonly is: 'skipped'; readonly why: string };

/** Makes a module ready to be compiled, or says why it may not run. */
export type Prepare = (
  module: Uint8Array,
) =>
  | { readonly ok: true; readonly value: Prepared }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface Prepared {
  readonly module: Uint8Array;
  /** Fills up the fuel of an instance. */
  refuel(exports: Exports): void;
}

type Instance = { readonly exports: Exports; refuel(): void };
type Refused = Extract<Outcome, { is: 'refused' }>;
type Slot = Instance | Refused;

const HELD: Outcome = { is: 'held' };
const broken = (why: string): Outcome => ({ is: 'broken', why });
const skipped = (why: string): Outcome => ({ is: 'skipped', why });

/** Runs the commands of one script in order, each module first put through `prepare`. */
export function createStage(prepare: Prepare, read: (command: Command) => Uint8Array) {
  const memory = new engine.Memory({ initial: 1, maximum: 1 });
  const view = new DataView(memory.buffer);
  const named = new Map<string, Slot>();
  const registered = new Map<string, Slot>();
  const adapters = new Map<string, CoreFunction>();
  const instances: Instance[] = [];
  const spectest = createSpectest();
  let current: Slot | undefined;

  /** Instantiates a module; throws what the engine throws. */
  function enter(command: Command): Slot {
    const bytes = read(command);
    const prepared = prepare(bytes);
    if (!prepared.ok) return { is: 'refused', code: prepared.code, why: prepared.message };
    const module = compile(prepared.value.module);
    const imports: Record<string, Exports> = { spectest };
    for (const { module: from } of WebAssembly.Module.imports(module)) {
      const slot = registered.get(from);
      if (slot !== undefined && 'is' in slot) return { ...slot, code: 'needs-refused' };
      if (slot !== undefined) imports[from] = slot.exports;
    }
    const exports = instantiate(module, imports as Imports);
    const instance = { exports, refuel: () => prepared.value.refuel(exports) };
    instances.push(instance);
    instance.refuel();
    return instance;
  }

  function slotOf({ module }: Action): Slot | undefined {
    return module === undefined ? current : named.get(module);
  }

  /** Does what an assertion asks for; its results lie in memory behind `RESULTS_AT`, references are answered. */
  function act({ exports }: Instance, action: Action, types: readonly ValueType[]): unknown[] {
    const params = (action.args ?? []).map(({ type }) => type as ValueType);
    const target = exports[action.field];
    if (target === undefined) throw new Error(`nothing is exported as ${JSON.stringify(action.field)}`);
    const key = `${instances.findIndex((one) => one.exports === exports)} ${action.type} ${action.field} ${params.join()}>${types.join()}`;
    const run =
      adapters.get(key) ??
      (action.type === 'get'
        ? adaptGlobal(target, types[0]!, memory)
        : adaptFunction(target, params, types, memory));
    adapters.set(key, run);
    for (const instance of instances) instance.refuel();
    action.args?.forEach((value, i) => {
      if (isNumber(value.type as ValueType)) writeValue(view, SLOT_BYTES * i, value);
    });
    const references = (action.args ?? [])
      .filter(({ type }) => !isNumber(type as ValueType))
      .map(referenceOf);
    const answer = run(...references);
    return types.filter((type) => !isNumber(type)).length > 1 ? [...(answer as unknown[])] : [answer];
  }

  function check(expected: readonly WastValue[], references: unknown[]): Outcome {
    for (const [i, value] of expected.entries()) {
      const type = value.type as ValueType;
      if (!isNumber(type)) {
        const actual = references.shift();
        if (!isSameReference(value, actual)) return broken(`result ${i} is ${String(actual)}`);
      } else if (!isSameValue(view, RESULTS_AT + SLOT_BYTES * i, value))
        return broken(`result ${i} is ${showValue(view, RESULTS_AT + SLOT_BYTES * i, type)}`);
    }
    return HELD;
  }

  function checkAction({ action, expected, type: kind }: Command): Outcome {
    const slot = slotOf(action!);
    if (slot === undefined) return broken('the module it needs did not start');
    if ('is' in slot) return slot;
    const values = [...(action!.args ?? []), ...(expected ?? [])];
    const strange = values.find(({ type }) => !(type in TYPE_CODE));
    if (strange !== undefined) return skipped(`values of type ${strange.type} are not understood`);
    const types = (expected ?? []).map(({ type }) => type as ValueType);
    const perform = () => act(slot, action!, types);
    if (kind === 'assert_return') return check(expected ?? [], perform());
    if (kind !== 'action') return mustThrow(perform, kind === 'assert_trap' ? isTrap : isExhaustion);
    perform();
    return HELD;
  }

  /** A module that must not start: it does not link, or traps on the way. */
  function checkStart(command: Command, isRight: (thrown: unknown) => boolean): Outcome {
    let slot: Slot | undefined;
    const outcome = mustThrow(() => (slot = enter(command)), isRight);
    return slot !== undefined && 'is' in slot ? slot : outcome;
  }

  function enterModule(command: Command): Outcome {
    current = undefined;
    current = enter(command);
    if (command.name !== undefined) named.set(command.name, current);
    return 'is' in current ? current : HELD;
  }

  function register({ name, as }: Command): Outcome {
    const slot = name === undefined ? current : named.get(name);
    if (slot === undefined) return broken('the module to register did not start');
    registered.set(as!, slot);
    return 'is' in slot ? slot : HELD;
  }

  function perform(command: Command): Outcome {
    switch (command.type) {
      case 'module':
        return enterModule(command);
      case 'register':
        return register(command);
      case 'action':
      case 'assert_return':
      case 'assert_trap':
      case 'assert_exhaustion':
        return checkAction(command);
      case 'assert_unlinkable':
        return checkStart(command, isLinkError);
      case 'assert_uninstantiable':
        return checkStart(command, isTrap);
      default:
        return skipped(`a command of type ${command.type} is not understood`);
    }
  }

  return {
    run(command: Command): Outcome {
      try {
        return perform(command);
      } catch (thrown) {
        return broken(String(thrown));
      }
    },
  };
}

function mustThrow(run: () => unknown, isRight: (thrown: unknown) => boolean): Outcome {
  try {
    run();
  } catch (thrown) {
    return isRight(thrown) ? { is: 'held', thrown: String(thrown) } : broken(`threw ${String(thrown)}`);
  }
  return broken('did not throw');
}

const isTrap = (thrown: unknown): boolean => thrown instanceof WebAssembly.RuntimeError;
const isExhaustion = (thrown: unknown): boolean => thrown instanceof RangeError;
/** JavaScript knows a second kind: a module that nobody registered is no object to import from. */
const isLinkError = (thrown: unknown): boolean =>
  thrown instanceof WebAssembly.LinkError || thrown instanceof TypeError;

/** What every script may import (interpreter/host/spectest.ml of the specification); prints go nowhere. */
function createSpectest(): Exports {
  const prints = ['', '_i32', '_i64', '_f32', '_f64', '_i32_f32', '_f64_f64'];
  const global = (value: string, initial: unknown) => new engine.Global({ value, mutable: false }, initial);
  return {
    ...Object.fromEntries(prints.map((suffix) => [`print${suffix}`, () => {}])),
    global_i32: global('i32', 666),
    global_i64: global('i64', 666n),
    global_f32: global('f32', 666.6),
    global_f64: global('f64', 666.6),
    table: new engine.Table({ initial: 10, maximum: 20, element: 'anyfunc' }),
    memory: new engine.Memory({ initial: 1, maximum: 2 }),
  };
}
