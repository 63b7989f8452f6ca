import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    proof?: boolean;
  }
}

/** How often to repeat what is large by count: a slice under `npm test`, everything under `npm run proof`. */
export function repetitions({ slice, full }: { readonly slice: number; readonly full: number }): number {
  return inject('proof') === true ? full : slice;
}

const HOUR_MS = 3_600_000;

/** The timeout of a test that repeats: generous under `npm test`, hours in full. */
export function timeoutMs(sliceMs: number): number {
  return repetitions({ slice: sliceMs, full: 12 * HOUR_MS });
}
