export type Tone = 'plain' | 'good' | 'warning' | 'bad';

/** A label, and what is said beside it in pieces between which a line may break. */
export interface Row {
  readonly label: string;
  readonly pieces: readonly string[];
  readonly tone?: Tone;
  readonly isHeading?: boolean;
}

export interface Page {
  readonly columns: number;
  readonly colour: boolean;
}

const INDENT = 2;
const LABEL_WIDTH = 12;
const BOLD = ['\x1b[1m', '\x1b[22m'] as const;
const DIM = ['\x1b[2m', '\x1b[22m'] as const;
const TONES = {
  plain: undefined,
  good: ['\x1b[32m', '\x1b[39m'],
  warning: ['\x1b[33m', '\x1b[39m'],
  bad: ['\x1b[31m', '\x1b[39m'],
} as const satisfies Readonly<Record<Tone, readonly [string, string] | undefined>>;

/** Text as pieces: a line may break at every space. */
export function words(text: string): string[] {
  return text.split(' ').filter((word) => word !== '');
}

/** Clauses as pieces: semicolons between them, commas inside. */
export function clauses(...groups: readonly (readonly string[])[]): string[] {
  return groups
    .filter((group) => group.length > 0)
    .flatMap((group, at, { length }) =>
      group.map((piece, i) => piece + (i < group.length - 1 ? ',' : at < length - 1 ? ';' : '')),
    );
}

/** Rows one below the other, their texts in one column that ends at the page's edge. */
export function layRows(rows: readonly Row[], page: Page): string {
  return rows.map((row) => layRow(row, page)).join('');
}

function layRow(
  { label, pieces, tone = 'plain', isHeading = false }: Row,
  { columns, colour }: Page,
): string {
  const textAt = INDENT + LABEL_WIDTH;
  const margin = `\n${' '.repeat(textAt)}`;
  const shown = isHeading ? label : ' '.repeat(INDENT) + label;
  const head = paint(shown, isHeading ? BOLD : DIM, colour);
  const gap = shown.length < textAt ? ' '.repeat(textAt - shown.length) : margin;
  const lines = breakLines(pieces, columns - textAt).map((line) => paint(line, TONES[tone], colour));
  return `${head}${gap}${lines.join(margin)}\n`;
}

function breakLines(pieces: readonly string[], width: number): string[] {
  const lines: string[] = [''];
  for (const piece of pieces) {
    const last = lines[lines.length - 1]!;
    const longer = last === '' ? piece : `${last} ${piece}`;
    if (longer.length > width && last !== '') lines.push(piece);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}

function paint(text: string, codes: readonly [string, string] | undefined, colour: boolean): string {
  return colour && codes && text !== '' ? codes[0] + text + codes[1] : text;
}
