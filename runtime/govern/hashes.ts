import { createHash } from 'node:crypto';
import type { Plan, Settings } from '../contract.ts';

/** SHA-256 of a plan's columns in the order of the WIT, each after its length (u32), little-endian; hexadecimal. */
export function hashPlan({ regions, targets, priorities, reasons, headroom, wishes }: Plan): string {
  const wished = Uint32Array.from(wishes.flatMap(({ id, subject, value }) => [id, subject, value]));
  const hash = createHash('sha256');
  for (const column of [regions, targets, priorities, reasons, headroom, wished])
    hash.update(Uint32Array.of(column.length)).update(column);
  return hash.digest('hex');
}

/** SHA-256 of the settings as JSON, names in order; hexadecimal. */
export function hashSettings(settings: Settings): string {
  const entries = Object.entries(settings).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify(Object.fromEntries(entries)))
    .digest('hex');
}
