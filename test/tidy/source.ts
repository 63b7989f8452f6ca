import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseAst } from 'rolldown/parseAst';

export interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path from the top of the clone for a relative import, otherwise the specifier. */
  readonly target: string;
  /** Erased before the program runs. */
  readonly isType: boolean;
  /** Imported names of values; `*` for everything. */
  readonly names: readonly string[];
}

export interface FunctionLength {
  readonly line: number;
  /** Without the bodies of the functions inside it, which are read one by one. */
  readonly lines: number;
}

/** What the rules know of one file. */
export interface Source {
  /** Path from the top of the clone. */
  readonly file: string;
  readonly text: string;
  readonly lines: number;
  readonly imports: readonly Import[];
  readonly functions: readonly FunctionLength[];
  /** Members of globals that reach outside, like `process.exit` or `console.log`; and `WebAssembly`, however named. */
  readonly effects: readonly string[];
}

type Node = Record<string, unknown> & { readonly type: string; readonly start: number; readonly end: number };

const IMPORTS = new Set([
  'ImportDeclaration',
  'ExportNamedDeclaration',
  'ExportAllDeclaration',
  'ImportExpression',
  'TSImportType',
]);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/** Reads every TypeScript and JavaScript file below the given folders. */
export function readSources(root: string, folders: readonly string[]): Source[] {
  const patterns = folders.map((folder) => `${folder}/**/*.{ts,js,mjs}`);
  return globSync(patterns, { cwd: root })
    .filter((file) => !file.startsWith('test/fixtures/'))
    .sort()
    .map((file) => parseSource(file, readFileSync(path.join(root, file), 'utf8')));
}

export function parseSource(file: string, text: string): Source {
  const nodes = [...walk(parseAst(text, { lang: file.endsWith('.ts') ? 'ts' : 'js' }, file))];
  const lineStarts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
  const lineOf = (offset: number) => lineStarts.findLastIndex((start) => start <= offset) + 1;
  return {
    file,
    text,
    lines: text.trimEnd().split('\n').length,
    imports: nodes.flatMap((node) => importOf(file, node)),
    functions: functionLengths(
      nodes.filter(({ type }) => FUNCTIONS.has(type)),
      lineOf,
    ),
    effects: nodes.flatMap(effectOf),
  };
}

function* walk(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* walk(item);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  if (typeof (value as Node).type === 'string') yield value as Node;
  for (const child of Object.values(value)) yield* walk(child);
}

function importOf(file: string, node: Node): Import[] {
  const specifier = IMPORTS.has(node.type)
    ? (node['source'] as { value?: unknown } | null)?.value
    : undefined;
  if (typeof specifier !== 'string') return [];
  const isRelative = specifier.startsWith('.');
  const target = isRelative ? path.join(path.dirname(file), specifier) : specifier;
  return [{ specifier, target, ...importedNames(node) }];
}

function importedNames(node: Node): Pick<Import, 'isType' | 'names'> {
  const isType = [node['importKind'], node['exportKind']].includes('type') || node.type === 'TSImportType';
  if (isType) return { isType, names: [] };
  const specifiers = node['specifiers'] as Record<string, { name?: string } | string>[] | undefined;
  const values = specifiers?.filter(({ importKind }) => importKind !== 'type');
  const names = values?.map(({ imported }) => (imported as { name?: string } | undefined)?.name ?? '*') ?? [
    '*',
  ];
  return { isType: specifiers?.length !== 0 && names.length === 0, names };
}

/** Functions in source order, so that one inside another follows it. */
function functionLengths(functions: readonly Node[], lineOf: (offset: number) => number): FunctionLength[] {
  const extra = ({ start, end }: Node) => lineOf(end) - lineOf(start);
  return functions.map((outer) => {
    const inside = functions.filter(({ start, end }) => start > outer.start && end < outer.end);
    const outermost = inside.filter(
      (each) => !inside.some(({ start, end }) => start < each.start && end > each.end),
    );
    const lines = extra(outer) + 1 - outermost.reduce((sum, each) => sum + extra(each), 0);
    return { line: lineOf(outer.start), lines };
  });
}

function effectOf(node: Node): string[] {
  if (node['name'] === 'WebAssembly' || node['value'] === 'WebAssembly') return ['WebAssembly'];
  if (node.type !== 'MemberExpression') return [];
  const name = nameOf(node);
  return /^(process|console)\.\w+$/.test(name) ? [name] : [];
}

function nameOf(node: Node): string {
  if (node.type === 'Identifier') return node['name'] as string;
  if (node.type === 'CallExpression') return nameOf(node['callee'] as Node);
  if (node.type !== 'MemberExpression' || node['computed'] === true) return '';
  return `${nameOf(node['object'] as Node)}.${nameOf(node['property'] as Node)}`;
}
