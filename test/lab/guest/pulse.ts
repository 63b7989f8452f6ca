import { setTimeout as sleep } from 'node:timers/promises';
import { askOnFast } from './halves.ts';
import { startWorkload } from './workload.ts';

/** A workload that goes on by itself, round after round, and is looked at after each. */
export interface Pulse {
  /** Hot pages on the fast node, by the workload's own question: the fewest after any round since `watch`. */
  readonly hotOnFastMin: number;
  /** Of the last round. */
  readonly hotOnFast: number;
  /** Rounds so far. */
  readonly rounds: number;
  watch(): void;
  /** Ends the rounds; answers the pages whose contents are not what was written. */
  stop(): Promise<number>;
}

export async function startPulse(cgroup: string, map: string, pauseMs: number): Promise<Pulse> {
  const pages = await startWorkload('pages', cgroup);
  await pages.ask(map);
  const stopping = new AbortController();
  let rounds = 0;
  let hotOnFast = 0;
  let hotOnFastMin = Infinity;

  async function beat(): Promise<void> {
    while (!stopping.signal.aborted) {
      await pages.ask('round');
      hotOnFast = (await askOnFast(pages)).hot;
      hotOnFastMin = Math.min(hotOnFastMin, hotOnFast);
      rounds++;
      await sleep(pauseMs);
    }
  }
  const ended = beat();

  return {
    get hotOnFastMin() {
      return hotOnFastMin;
    },
    get hotOnFast() {
      return hotOnFast;
    },
    get rounds() {
      return rounds;
    },
    watch: () => void (hotOnFastMin = Infinity),
    async stop() {
      stopping.abort();
      await ended;
      return Number((await pages.ask('verify'))[0]);
    },
  };
}
