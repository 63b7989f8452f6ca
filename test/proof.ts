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
