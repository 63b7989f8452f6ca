import type { SourceLocation } from './fault.ts';

/** The few properties of the compiler's syntax trees that a build reads. */
export interface Tree {
  readonly kind: number;
  readonly range: { readonly start: number; readonly end: number; readonly source: SourceText };
  readonly flags?: number;
  readonly text?: string;
  readonly name?: Tree;
  readonly type?: Tree | null;
  readonly initializer?: Tree | null;
  readonly value?: unknown;
  readonly literalKind?: number;
  readonly property?: Tree;
  readonly statements: readonly Tree[];
  readonly declarations?: readonly Tree[];
  readonly decorators?: readonly Tree[] | null;
  readonly args?: readonly Tree[] | null;
  readonly elementExpressions?: readonly Tree[];
}

interface SourceText {
  readonly text: string;
}

/** The compiler's `NodeKind`, a const enum that has no value at run time. */
export const KIND = {
  false: 14,
  propertyAccess: 22,
  true: 26,
  variable: 48,
  functionDeclaration: 56,
} as const;
const LITERAL_STRING = 2;
const FLAG_EXPORT = 2;

export function isExported(node: Tree): boolean {
  return ((node.flags ?? 0) & FLAG_EXPORT) !== 0;
}

/** The source text of a node. */
export function textOf(node: Tree): string {
  return node.range.source.text.slice(node.range.start, node.range.end);
}

export function locate(node: Tree, file: string): SourceLocation {
  return { file, ...lineAndColumn(node.range.source.text, node.range.start) };
}

/** Both from 1; columns count UTF-16 units. */
export function lineAndColumn(text: string, position: number): { line: number; column: number } {
  const before = text.slice(0, position);
  return { line: before.split('\n').length, column: position - before.lastIndexOf('\n') };
}

/** The value of a string literal, else undefined. */
export function literalText(node: Tree): string | undefined {
  return node.literalKind === LITERAL_STRING ? (node.value as string) : undefined;
}

/** The value of a possibly negative number literal, else undefined. */
export function literalNumber(node: Tree): number | undefined {
  const text = textOf(node).replaceAll('_', '').replaceAll(/\s/g, '');
  const value = text.startsWith('-') ? -Number(text.slice(1) || NaN) : Number(text || NaN);
  return Number.isFinite(value) ? value : undefined;
}

/** The string literals of an array literal; anything else in it is left out. */
export function listOfTexts(node: Tree): string[] {
  return (node.elementExpressions ?? []).map(literalText).filter((text) => text !== undefined);
}

/** Calls `see` for the node and everything below it. */
export function visit(node: Tree, see: (node: Tree) => void): void {
  see(node);
  for (const [key, value] of Object.entries(node)) {
    if (key === 'range') continue;
    for (const child of Array.isArray(value) ? value : [value]) if (isTree(child)) visit(child, see);
  }
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && 'kind' in value && 'range' in value;
}
