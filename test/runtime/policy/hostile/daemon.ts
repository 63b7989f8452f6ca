/** A runtime's process that lives with one hostile policy after the other, and says how it fares. `hostile.test.ts` forks it. */
import { readFileSync, readdirSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import koffi from 'koffi';
import type { Plan, Settings, Snapshot } from '../../../../runtime/contract.ts';
import { launchChild } from '../../../../runtime/policy/launch.ts';
import type { Launch } from '../../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../../runtime/policy/load.ts';
import type { HostLimits } from '../../../../runtime/policy/running-host.ts';
import { live } from './outcome.ts';
import type { Outcome } from './outcome.ts';

export type Request =
  /** Policies are components' files. */
  | {
      readonly begin: {
        readonly hostFile: string;
        readonly good: string;
        readonly settings: Settings;
        readonly snapshot: Snapshot;
      };
    }
  | { readonly live: { readonly policy: string; readonly limits: Partial<HostLimits> } }
  | { readonly health: 'brief' | 'thorough' }
  | 'memory';

/** How the process is after what it went through. */
export interface Health {
  /** A good policy loads, and plans what it planned before; looked at where that is asked. */
  readonly plans: boolean;
  /** Processes started and not ended. */
  readonly children: number;
  readonly descriptors: number;
  /** Properties that the global object and the prototypes everything shares have got since. */
  readonly stains: readonly string[];
}

export interface Answers {
  begin: Health;
  live: Outcome;
  health: Health;
  /** Resident once everything is given back that can be; bytes. */
  memory: number;
}

const EPOCHS = 3;
/** malloc_trim(3). */
const mallocTrim = koffi.load('libc.so.6').func('int malloc_trim(size_t pad)') as (pad: number) => number;
const SHARED: readonly object[] = [
  globalThis,
  Object.prototype,
  Array.prototype,
  Function.prototype,
  Promise.prototype,
];
const keys = (): string[] =>
  SHARED.flatMap((object, i) => Reflect.ownKeys(object).map((key) => `${i} ${String(key)}`));

let launch: Launch;
let good: string;
let settings: Settings;
let snapshot: Snapshot;
let expected: readonly Plan[];
const atFirst = new Set(keys());

async function planGood(): Promise<Plan[]> {
  const limits = { loadDeadlineMs: 30_000, epochDeadlineMs: 30_000 };
  const policy = await loadPolicy({ policy: good, settings, limits, launch });
  if (!policy.ok) throw new Error(policy.message);
  const plans: Plan[] = [];
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const answer = await policy.value.evaluate({ ...snapshot, number: epoch });
    if (!answer.ok) throw new Error(answer.message);
    plans.push(answer.value.plan);
  }
  await policy.value.close();
  return plans;
}

async function examine(how: 'brief' | 'thorough'): Promise<Health> {
  const plans = how === 'brief' || isDeepStrictEqual(await planGood(), expected);
  const tasks = readdirSync('/proc/self/task');
  const children = tasks.map(
    (task) => readFileSync(`/proc/self/task/${task}/children`, 'utf8').split(' ').length - 1,
  );
  return {
    plans,
    children: children.reduce((sum, count) => sum + count, 0),
    descriptors: readdirSync('/proc/self/fd').length,
    stains: keys().filter((key) => !atFirst.has(key)),
  };
}

async function answer(request: Request): Promise<Answers[keyof Answers]> {
  if (request === 'memory') {
    // What V8 and glibc keep for later counts as given back: it is theirs, and bounded.
    globalThis.gc!({ type: 'major', execution: 'sync', flavor: 'last-resort' });
    mallocTrim(0);
    return process.memoryUsage.rss();
  }
  if ('health' in request) return examine(request.health);
  if ('live' in request) return live(request.live.policy, snapshot, request.live, launch);
  ({ good, settings, snapshot } = request.begin);
  launch = launchChild(request.begin.hostFile);
  expected = await planGood();
  if (expected.every(({ regions }) => regions.length === 0))
    throw new Error('a good policy that plans nothing');
  return examine('thorough');
}

process.on('message', (request: Request) => void answer(request).then((told) => process.send!(told)));
