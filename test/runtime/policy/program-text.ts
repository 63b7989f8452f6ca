/**
 * A program in the text format out of a stream of choices: four functions of every control construct, which
 * always ends, since each way back asks `$more` first. It counts in `ticks` how often it passed one of many
 * places.
 */
export function writeProgram(choices: readonly number[]): string {
  let at = 0;
  /** Runs out: then everything is as small as it gets. */
  const choose = (bound: number): number => (choices[at++] ?? 0) % bound;
  const functions = Array.from({ length: FUNCTIONS }, (_, index) => writeFunction(index, choose));
  return `(module
    (type $f (func (param i32) (result i32)))
    (type $pair (func (param i32 i32) (result i32)))
    (memory (export "memory") 1 4)
    (table ${FUNCTIONS} funcref) (elem (i32.const 0) ${functions.map((_, i) => `$f${i}`).join(' ')})
    (global $left (export "left") (mut i32) (i32.const 200))
    (global $ticks (export "ticks") (mut i32) (i32.const 0))
    (func $more (result i32) (local $turn i32)
      (global.set $left (i32.sub (global.get $left) (i32.const 1)))
      (i32.gt_s (global.get $left) (i32.const 0)))
    ${functions.join('\n')})`;
}

const FUNCTIONS = 4;
const LOCALS = 3;
const DEPTH_MAX = 5;
/** Instructions of one tick. */
export const TICK_INSTRUCTIONS = 4;
const TICK = '(global.set $ticks (i32.add (global.get $ticks) (i32.const 1)))';

type Choose = (bound: number) => number;
/** What the labels around a place are, the innermost first. */
type Labels = readonly ('block' | 'loop')[];

function writeFunction(index: number, choose: Choose): string {
  const locals = '(local i32 i32 i32)';
  const body = writeStatements([], choose, index);
  return `(func $f${index} (export "f${index}") (type $f) ${locals} ${body} ${writeValue(choose)})`;
}

function writeStatements(labels: Labels, choose: Choose, index: number): string {
  const count = choose(labels.length > DEPTH_MAX ? 2 : 5);
  return Array.from({ length: count }, () => `${TICK} ${writeStatement(labels, choose, index)}`).join('\n');
}

function writeStatement(labels: Labels, choose: Choose, index: number): string {
  const value = (): string => writeValue(choose);
  const inside = (label: 'block' | 'loop'): string => writeStatements([label, ...labels], choose, index);
  const simple = [
    () => `(local.set ${choose(LOCALS)} ${value()})`,
    () => `(i32.store ${writeAddress(choose)} ${value()})`,
    () => `(memory.fill ${writeAddress(choose)} ${value()} (i32.const ${choose(64)}))`,
    () => `(local.set ${choose(LOCALS)} (memory.grow (i32.const ${choose(3)})))`,
    () => `(if ${value()} (then (return ${value()})))`,
    () => `(if ${value()} (then (br ${labels.length + 1} ${value()})))`,
    () => `(if (i32.eq ${value()} (i32.const 77)) (then (unreachable)))`,
    () =>
      `(if (i32.and (i32.eq ${value()} (i32.const 7)) (call $more)) (then (call $f${choose(FUNCTIONS)} ${value()}) (unreachable)))`,
    () => (index > 0 ? `(local.set 1 (call $f${choose(index)} ${value()}))` : '(nop)'),
    () => `(if (call $more) (then (local.set 2 (call $f${choose(FUNCTIONS)} ${value()}))))`,
    () =>
      `(if (call $more) (then (local.set 0 (call_indirect (type $f) ${value()} (i32.const ${choose(FUNCTIONS)})))))`,
    () => writeBranch(labels, choose),
    () => writeTable(labels, choose),
  ];
  const nested = [
    () => `(block ${inside('block')})`,
    () => `(loop ${inside('loop')} (br_if 0 (call $more)))`,
    () => `(loop ${inside('loop')} (if (call $more) (then (br 1))))`,
    () => `(if ${value()} (then ${inside('block')}) (else ${inside('block')}))`,
    () =>
      `(local.set 1 ${value()} ${value()} (loop (type $pair) (local.set 2) (local.set 0) ${TICK}
        (local.get 0) (i32.const 3) (br_if 0 (call $more)) (drop)))`,
  ];
  const all = labels.length > DEPTH_MAX ? simple : [...simple, ...nested, ...nested];
  return all[choose(all.length)]!();
}

function writeBranch(labels: Labels, choose: Choose): string {
  if (labels.length === 0) return '(nop)';
  const label = choose(labels.length);
  const condition = labels[label] === 'loop' ? '(call $more)' : writeValue(choose);
  return choose(2) === 0 ? `(br_if ${label} ${condition})` : `(if ${condition} (then (br ${label + 1})))`;
}

function writeTable(labels: Labels, choose: Choose): string {
  if (labels.length === 0) return '(nop)';
  const targets = Array.from({ length: choose(4) + 1 }, () => choose(labels.length) + 1);
  return `(if (call $more) (then (br_table ${targets.join(' ')} ${writeValue(choose)})))`;
}

function writeAddress(choose: Choose): string {
  return `(i32.and ${writeValue(choose)} (i32.const 0xff0))`;
}

function writeValue(choose: Choose): string {
  const [first, second] = [`(local.get ${choose(LOCALS)})`, `(i32.const ${choose(100)})`];
  return [
    first,
    second,
    `(i32.add ${first} ${second})`,
    `(i32.and ${first} ${second})`,
    `(i32.load ${second})`,
  ][choose(5)]!;
}
