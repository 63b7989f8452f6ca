import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { fillMeans } from '../../runtime/policy/host-means.ts';
import { launchChild } from '../../runtime/policy/launch.ts';
import { readPolicy, readPolicyFile } from '../../runtime/policy/parse/read-policy.ts';
import { startHost } from '../../runtime/policy/running-host.ts';
import { resolveSettings } from '../../runtime/policy/settings.ts';

const rounds = 21;
const warmUpRounds = 3;
const policies = join(import.meta.dirname, '../../dist/policies');

/** Nanoseconds, medians of rounds that take turns. */
export interface LaunchFigures {
  /** `node -e 0`, from its start to its end. */
  readonly bareNs: number;
  /** Until a host is confined and begins to be Node. */
  readonly confinedNs: number;
  /** From the SIGKILL of a host to the next one with the policy compiled and configured. */
  readonly hold: FreshFigures;
  readonly heat: FreshFigures;
}

export interface FreshFigures {
  readonly ns: number;
  /** By a bare start, median of the pairs. */
  readonly ratio: number;
}

export async function benchLaunch(): Promise<LaunchFigures> {
  const [bare, confined]: [number[], number[]] = [[], []];
  const [hold, heat] = [await keepFresh('hold'), await keepFresh('heat')];
  for (let round = -warmUpRounds; round < rounds; round++) {
    const figures = [await startBare(), await startConfined(), await hold.renew(), await heat.renew()];
    if (round < 0) continue;
    [bare, confined, hold.ns, heat.ns].forEach((series, i) => series.push(figures[i] ?? Number.NaN));
  }
  await Promise.all([hold.end(), heat.end()]);
  const fresh = (series: readonly number[]): FreshFigures => ({
    ns: median(series),
    ratio: median(series.map((ns, at) => ns / (bare[at] ?? Number.NaN))),
  });
  return {
    bareNs: median(bare),
    confinedNs: median(confined),
    hold: fresh(hold.ns),
    heat: fresh(heat.ns),
  };
}

interface Renewed {
  readonly ns: number[];
  renew(): Promise<number>;
  end(): Promise<void>;
}

async function keepFresh(name: string): Promise<Renewed> {
  const means = fillMeans({});
  const file = join(policies, `${name}.wasm`);
  const policy = demand(readPolicy(demand(readPolicyFile(file)), means.limits.memoryPagesMax));
  const settings = demand(resolveSettings(policy.manifest.settings, {}));
  let host = demand(await startHost(policy, settings, means));
  return {
    ns: [],
    async renew() {
      const start = performance.now();
      await host.end();
      host = demand(await startHost(policy, settings, means));
      return since(start);
    },
    end: () => host.end(),
  };
}

async function startBare(): Promise<number> {
  const start = performance.now();
  await once(spawn(process.execPath, ['-e', '0'], { cwd: '/', env: {}, stdio: 'ignore' }), 'exit');
  return since(start);
}

async function startConfined(): Promise<number> {
  const start = performance.now();
  const host = demand(await launchChild()());
  const ns = since(start);
  host.kill();
  for (const stream of [host.replies, host.diagnostics]) stream.resume();
  await host.exited;
  closeSync(host.shared);
  return ns;
}

function since(start: number): number {
  return (performance.now() - start) * 1e6;
}

function demand<T>(result: { ok: true; value: T } | { ok: false; message: string }): T {
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
