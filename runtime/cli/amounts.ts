import type { PolicyStatus, ShadowStatus } from '../control/status.ts';

const DIGEST_SHOWN = 12;
const SECOND_MS = 1000;
const UNITS = [
  { name: 'd', seconds: 86_400 },
  { name: 'h', seconds: 3600 },
  { name: 'm', seconds: 60 },
  { name: 's', seconds: 1 },
] as const;

/** In thousands: 1,234,567. */
export function formatCount(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** In its two largest units: 3d 4h. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND_MS));
  const largest = UNITS.findIndex((unit) => seconds >= unit.seconds);
  const shown = UNITS.slice(largest < 0 ? -1 : largest).slice(0, 2);
  let rest = seconds;
  const parts = shown.map(({ name, seconds: each }) => {
    const amount = Math.floor(rest / each);
    rest -= amount * each;
    return `${amount}${name}`;
  });
  return parts.join(' ');
}

export function formatPeriod(ms: number): string {
  return ms < SECOND_MS ? `${ms} ms` : `${ms / SECOND_MS} s`;
}

/** Modelled, and so is what it is made of (docs/cost-model.md). */
export function formatGain({ slowdown, activeSlowdown }: ShadowStatus): string {
  const share = activeSlowdown === 0 ? 0 : 1 - slowdown / activeSlowdown;
  return `modelled ${share < 0 ? 'loss' : 'gain'} ${(100 * Math.abs(share)).toFixed(1)} %`;
}

export function nameOf({ name, version }: PolicyStatus): string {
  return `${name}@${version}`;
}

/** As much of the digest as tells versions apart; the one policy without a component has none. */
export function digestOf({ digest }: PolicyStatus): string {
  return digest === '' ? 'built in' : digest.slice(0, DIGEST_SHOWN);
}
