import type { ConfinementReport } from '../../executor/confinement.ts';

/** What holds policy hosts and what does not, in one line; nothing where every belt holds. */
export function formatConfinement({ held, missing, landlockAbi }: ConfinementReport): string {
  if (missing.length === 0) return '';
  const holding = held.map((belt) => (belt === 'landlock' ? `landlock ${landlockAbi}` : belt));
  const absent = missing.map(({ belt, why }) => `${belt} (${why})`);
  return `policy hosts: confined by ${holding.join(', ') || 'nothing'}; missing ${absent.join(', ')}\n`;
}
