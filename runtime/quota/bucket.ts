const PAGE_BYTES = 4096;
export const HUGE_PAGE_BYTES = 2_097_152;

/**
 * A token bucket, full at first. It holds one second's worth, or one huge page where that is more, since a
 * smaller one would never let a huge page in. The executor's quota is the same idea on its own clock.
 */
export interface Bucket {
  /** Base pages that may be moved now, without those set aside. */
  leftPages(): number;
  /** Sets pages aside for a plan under way. */
  reserve(pages: number): void;
  /** Ends a reservation and charges what moved, which may be more: a huge page that an entry touches moves whole. */
  settle(reservedPages: number, movedPages: number): void;
  bytesPerSecond(): number;
  setBytesPerSecond(bytesPerSecond: number): void;
}

/** @param nowMs a clock that goes backwards gains nothing */
export function createBucket(bytesPerSecondAtFirst: number, nowMs: () => number): Bucket {
  let rate = bytesPerSecondAtFirst;
  let levelBytes = holds(rate);
  let reservedPages = 0;
  let filledAtMs = nowMs();

  function refill(): void {
    const now = nowMs();
    const gainedBytes = (Math.max(0, now - filledAtMs) / 1000) * rate;
    levelBytes = Math.min(holds(rate), levelBytes + gainedBytes);
    filledAtMs = now;
  }

  return {
    leftPages() {
      refill();
      return Math.max(0, Math.floor(levelBytes / PAGE_BYTES) - reservedPages);
    },
    reserve(pages) {
      reservedPages += pages;
    },
    settle(reserved, movedPages) {
      refill();
      reservedPages -= reserved;
      levelBytes -= movedPages * PAGE_BYTES;
    },
    bytesPerSecond: () => rate,
    setBytesPerSecond(bytesPerSecond) {
      refill();
      rate = bytesPerSecond;
      levelBytes = Math.min(holds(rate), levelBytes);
    },
  };
}

function holds(bytesPerSecond: number): number {
  return Math.max(bytesPerSecond, HUGE_PAGE_BYTES);
}
