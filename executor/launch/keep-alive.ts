import { failure, type Failure } from '../result.ts';
import { nextWaitMs } from './back-off.ts';
import type { RunningService, ServiceEnding } from './service-process.ts';

export interface SupervisorClock {
  /** Monotonic, in milliseconds. */
  nowMs(): number;
  /** Resolves early when it is told to stop; never rejects. */
  sleep(ms: number, stopped?: AbortSignal): Promise<unknown>;
}

export interface KeepAliveOptions {
  /** As it is called in messages. */
  readonly name: string;
  readonly start: () => RunningService;
  readonly clock: SupervisorClock;
  readonly warn: (problem: Failure) => void;
}

/** One service, started again whenever it ends. */
export interface KeptAlive {
  /** From now on it is started again whatever it ends with. */
  trust(): void;
  /** Why it is not started again: before it was trusted, what it was given proved wrong. */
  refusal(): Failure<'service-failed'> | undefined;
  /** Ends it for good; resolves when it is gone. */
  end(): Promise<void>;
}

/** What our mains exit with when arguments or files are wrong: to try again changes nothing. */
const exitMisuse = 2;

export function keepAlive({ name, start, clock, warn }: KeepAliveOptions): KeptAlive {
  const stopping = new AbortController();
  const { signal: stopped } = stopping;
  let running: RunningService;
  let refusal: Failure<'service-failed'> | undefined;
  let trusted = false;

  async function run(): Promise<void> {
    for (let waitMs = 0; !stopped.aborted;) {
      const startedMs = clock.nowMs();
      running = start();
      const ending = await running.ended;
      if (stopped.aborted) return;
      if (!trusted && ending.code === exitMisuse) {
        const how = `${name} ${describe(ending)} before it was ready`;
        refusal = failure('service-failed', `${how}; mend what it says above`);
        return;
      }
      waitMs = nextWaitMs(waitMs, clock.nowMs() - startedMs);
      warn(failure('service-ended', `${name} ${describe(ending)}; it starts again in ${waitMs} ms`));
      await clock.sleep(waitMs, stopped);
    }
  }

  const finished = run();
  return {
    trust: () => void (trusted = true),
    refusal: () => refusal,
    async end() {
      stopping.abort();
      running.end();
      await finished;
    },
  };
}

function describe({ code, signal, error }: ServiceEnding): string {
  if (error !== undefined) return `could not be started: ${error}`;
  return signal === null ? `exited with ${code}` : `was ended by ${signal}`;
}
