/**
 * A runtime without any right, which the driver of `confined` tells what to do: a word a line in, an object a line
 * out. It is a process of its own, since it dies on the way.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Snapshot } from '../../../runtime/contract.ts';
import { connectLauncher } from '../../../runtime/policy/launch-client.ts';
import { loadPolicy, type HostedPolicy } from '../../../runtime/policy/load.ts';
import { demand } from './services.ts';

const HEAT = '/terrace/dist/policies/heat.wasm';
const HUNGRY = '/policies/hungry.wasm';
const ROGUE = '/policies/rogue.wasm';
const REGIONS = 4096;
const EPOCHS_MAX = 40;
/** Times inside are emulated. */
const PATIENT = { loadDeadlineMs: 60_000, epochDeadlineMs: 60_000, fuelPerEpoch: Infinity };

const launcher = demand(await connectLauncher(process.argv[2] ?? ''));
const policies: HostedPolicy[] = [];

async function load(policy: string, settings = {}): Promise<HostedPolicy> {
  const loaded = demand(await loadPolicy({ policy, settings, limits: PATIENT, launch: launcher.launch }));
  policies.push(loaded);
  return loaded;
}

/** A quarter of it hot, all of it on the slower of two places. */
function observe(number: number): Snapshot {
  const place = (tier: number) => ({
    ...{ tier, kind: tier, state: 0, capacity: 2 ** 20, room: 2 ** 19, budget: 2 ** 16 },
    ...{ latencyNs: tier === 0 ? 80 : 900, bandwidthMib: 20_000 },
  });
  return {
    ...{ number, lengthMs: 1000, regions: REGIONS, owners: 1, samplingPeriod: 1 },
    places: [place(0), place(1)],
    metrics: [],
    events: { kinds: new Uint8Array(0), regions: new Uint32Array(0), others: new Uint32Array(0) },
    columns: {
      accesses: new Uint32Array(REGIONS).fill(1000, 0, REGIONS / 4),
      pages: new Uint32Array(REGIONS).fill(1),
      place: new Uint8Array(REGIONS).fill(1),
    },
  };
}

/** How many moves heat has wished for once it has settled. */
async function runHeat(): Promise<object> {
  const heat = await load(HEAT);
  let moves = 0;
  for (let number = 1; number <= 6; number++)
    moves += demand(await heat.evaluate(observe(number))).plan.regions.length;
  return { moves };
}

/** Grows until something ends it; then whether a fresh host works, and whether the other policy's still does. */
async function runHungry(mib: number): Promise<object> {
  const hungry = await load(HUNGRY, { mib });
  for (let epoch = 1; epoch <= EPOCHS_MAX; epoch++) {
    const run = await hungry.evaluate(observe(epoch));
    if (run.ok) continue;
    const fresh = await hungry.evaluate(observe(epoch + 1));
    const other = await policies[0]?.evaluate(observe(7));
    return { epoch, code: run.code, message: run.message, fresh: fresh.ok, other: other?.ok === true };
  }
  return { epoch: EPOCHS_MAX, code: 'none', message: '', fresh: false, other: false };
}

/** Leaves a host busy that hears nobody. */
async function startSpinning(): Promise<object> {
  const rogue = await load(ROGUE, { mode: 'loop' });
  demand(await rogue.evaluate(observe(1)));
  void rogue.evaluate(observe(2));
  return {};
}

function maySignal(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function obey([verb, argument]: readonly string[]): Promise<object> {
  if (verb === 'heat') return runHeat();
  if (verb === 'hungry') return runHungry(Number(argument));
  if (verb === 'spin') return startSpinning();
  if (verb === 'signal') return { may: maySignal(Number(argument)) };
  if (verb === 'capabilities')
    return { text: /^CapEff:\t(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] };
  for (const policy of policies.splice(0)) await policy.close();
  return {};
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`${JSON.stringify(await obey(line.split(' ')))}\n`);
process.exit(0);
