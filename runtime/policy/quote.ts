const UNITS_MAX = 80;
const JSON_UNITS_MAX = 4 * UNITS_MAX;

/** Something out of a policy as it may stand in a message: one line, of bounded length, that steers no terminal. */
export function quote(value: unknown): string {
  const isLong = typeof value === 'string' && value.length > UNITS_MAX;
  const text = JSON.stringify(isLong ? `${value.slice(0, UNITS_MAX)}…` : value) ?? 'nothing';
  const line = text.length > JSON_UNITS_MAX ? `${text.slice(0, JSON_UNITS_MAX)}…` : text;
  return line.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, escapeUnits);
}

function escapeUnits(character: string): string {
  const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
}
