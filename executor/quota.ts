import type { Scope } from './limits.ts';

const PAGE_BYTES = 4_096;
const HUGE_PAGE_BYTES = 2_097_152;

interface Account {
  epoch: number;
  movedPages: number;
  bucketBytes: number;
  filledAtMs: number;
}

/** What each scope has used of its two quotas. Only pages that moved count; refused ones cost nothing. */
export interface Quotas {
  /** Base pages that a plan of this epoch may still move. */
  left(scope: Scope, epoch: number): number;
  /** The same for an epoch that has moved nothing yet. */
  leftInNewEpoch(scope: Scope): number;
  charge(scope: Scope, epoch: number, pages: number): void;
}

/**
 * The runtime names the epoch, so a compromised one could begin a new epoch with every plan: against that
 * stands `bytesPerSecondMax`, which runs by the executor's own clock.
 */
export function createQuotas(nowMs: () => number): Quotas {
  const accounts = new Map<string, Account>();

  function refresh(scope: Scope): Account {
    const bucketMax = Math.max(scope.bytesPerSecondMax ?? 0, HUGE_PAGE_BYTES);
    const now = nowMs();
    const account = accounts.get(scope.name) ?? {
      epoch: -1,
      movedPages: 0,
      bucketBytes: bucketMax,
      filledAtMs: now,
    };
    accounts.set(scope.name, account);
    const gained = (Math.max(0, now - account.filledAtMs) / 1_000) * (scope.bytesPerSecondMax ?? 0);
    account.bucketBytes = Math.min(bucketMax, account.bucketBytes + gained);
    account.filledAtMs = now;
    return account;
  }

  function bucketPages(scope: Scope, account: Account): number {
    return scope.bytesPerSecondMax === undefined ? Infinity : Math.floor(account.bucketBytes / PAGE_BYTES);
  }

  return {
    left(scope, epoch) {
      const account = refresh(scope);
      const used = account.epoch === epoch ? account.movedPages : 0;
      return Math.max(0, Math.min(scope.pagesPerEpochMax - used, bucketPages(scope, account)));
    },
    leftInNewEpoch: (scope) =>
      Math.max(0, Math.min(scope.pagesPerEpochMax, bucketPages(scope, refresh(scope)))),
    charge(scope, epoch, pages) {
      const account = refresh(scope);
      if (account.epoch !== epoch) Object.assign(account, { epoch, movedPages: 0 });
      account.movedPages += pages;
      account.bucketBytes -= pages * PAGE_BYTES;
    },
  };
}
