import { meterModule } from '../../../../runtime/policy/meter/meter.ts';
import { readCoreModule } from '../../../../runtime/policy/parse/core-module.ts';
import { judge } from './disassembly.ts';
import { isValid } from './engine.ts';
import { metered, plain } from './metered.ts';
import { createStage } from './stage.ts';
import type { Outcome, Prepare } from './stage.ts';
import { readModule } from './wast.ts';
import type { Command } from './wast.ts';

/** Codes of refusal that a module of the suite may meet. */
const KNOWN_CODES: ReadonlySet<string> = new Set(['module-forbidden', 'import-forbidden', 'needs-refused']);
const STARTS: ReadonlySet<string> = new Set(['module', 'assert_unlinkable', 'assert_uninstantiable']);
const REFUSALS: ReadonlySet<string> = new Set(['assert_invalid', 'assert_malformed']);

/** What a script, or many, showed. */
export interface Tally {
  /** Modules that run, and those of them that were metered. */
  modules: number;
  admitted: number;
  /** Everything else that a script asks for, and what held of it plain and metered. */
  assertions: number;
  heldPlain: number;
  heldMetered: number;
  /** Modules that must not run, and those that the engine has come to accept since. */
  unsound: number;
  acceptedSince: number;
  /** Commands by the reason why they were not run metered. */
  readonly notRun: Map<string, number>;
  readonly wrong: string[];
}

export function createTally(): Tally {
  return {
    ...{ modules: 0, admitted: 0, assertions: 0, heldPlain: 0, heldMetered: 0, unsound: 0, acceptedSince: 0 },
    notRun: new Map(),
    wrong: [],
  };
}

/** Runs a converted script plain and metered, and adds what differs, and what does not hold, to `tally.wrong`. */
export function compare(commands: readonly Command[], folder: string, tally: Tally, meter = metered): void {
  const read = (command: Command) => readModule(folder, command);
  const stages = [createStage(plain, read), createStage(meter, read)] as const;
  const starting = commands.filter(({ type, module_type: kind }) => STARTS.has(type) && kind !== 'text');
  const judged = judge(
    folder,
    starting.map(({ filename }) => filename!),
  );
  for (const command of commands) {
    const wrong = (why: string) => tally.wrong.push(`line ${command.line}, ${command.type}: ${why}`);
    if (REFUSALS.has(command.type)) {
      checkRefusal(command, read, meter, tally, wrong);
      continue;
    }
    const [asIs, withFuel] = [stages[0].run(command), stages[1].run(command)];
    count(command, asIs, withFuel, tally);
    if (asIs.is === 'broken') wrong(`plain: ${asIs.why}`);
    checkMetered(asIs, withFuel, wrong);
    const shouldBeRefused = judged.get(command.filename ?? '');
    if (STARTS.has(command.type) && shouldBeRefused !== undefined) {
      const isRefused = withFuel.is === 'refused' && withFuel.code !== 'needs-refused';
      if (isRefused !== shouldBeRefused)
        wrong(
          isRefused ? `refused without need: ${withFuel.why}` : 'admitted, although it has what is forbidden',
        );
    }
  }
}

function checkMetered(asIs: Outcome, withFuel: Outcome, wrong: (why: string) => void): void {
  if (withFuel.is === 'broken' && asIs.is !== 'broken') wrong(`metered: ${withFuel.why}`);
  if (withFuel.is === 'refused' && !KNOWN_CODES.has(withFuel.code))
    wrong(`refused as ${withFuel.code}: ${withFuel.why}`);
  if (asIs.is === 'held' && withFuel.is === 'held' && asIs.thrown !== withFuel.thrown)
    wrong(`plain throws ${asIs.thrown}, metered ${withFuel.thrown}`);
}

function count(command: Command, asIs: Outcome, withFuel: Outcome, tally: Tally): void {
  if (command.type === 'module') {
    tally.modules++;
    if (withFuel.is === 'held') tally.admitted++;
  } else {
    tally.assertions++;
    if (asIs.is === 'held') tally.heldPlain++;
    if (withFuel.is === 'held') tally.heldMetered++;
  }
  if (withFuel.is === 'refused' || withFuel.is === 'skipped') {
    const reason = withFuel.is === 'refused' ? withFuel.code : withFuel.why;
    tally.notRun.set(reason, (tally.notRun.get(reason) ?? 0) + 1);
  }
}

/** A module that must not run: nothing of ours may throw at it, and nobody may let it through. */
function checkRefusal(
  command: Command,
  read: (command: Command) => Uint8Array,
  meter: Prepare,
  tally: Tally,
  wrong: (why: string) => void,
): void {
  if (command.module_type === 'text') {
    const reason = 'a text that wast2json refuses';
    tally.notRun.set(reason, (tally.notRun.get(reason) ?? 0) + 1);
    return;
  }
  tally.unsound++;
  const module = read(command);
  readCoreModule(module);
  meterModule(Uint8Array.from(module));
  const admitted = meter(module);
  if (!admitted.ok) return;
  if (command.type === 'assert_malformed') wrong('neither the engine nor we refuse it');
  else tally.acceptedSince++;
  if (!isValid(admitted.value.module)) wrong('was valid, and is not when metered');
}
