const COUNT_MAX = 3;
const UNITS_MAX = 64;

/** The known names that `name` may be a slip of, nearest first; all of them where it looks like none. */
export function findNearest(name: string, known: readonly string[]): readonly string[] {
  const typed = name.slice(0, UNITS_MAX).toLowerCase();
  const near = known
    .map((candidate) => ({ candidate, edits: countEdits(typed, candidate.toLowerCase()) }))
    .filter(({ candidate, edits }) => edits <= Math.max(2, candidate.length / 3))
    .toSorted((a, b) => a.edits - b.edits)
    .map(({ candidate }) => candidate);
  return near.length > 0 ? near.slice(0, COUNT_MAX) : known;
}

/** Letters to insert, leave out or replace until `a` is `b` (Levenshtein), row by row. */
function countEdits(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = above[j - 1]! + Number(a[i - 1] !== b[j - 1]);
      row.push(Math.min(above[j]! + 1, row[j - 1]! + 1, replaced));
    }
    above = row;
  }
  return above[b.length]!;
}
