import type { ColumnName } from '../../contract.ts';
import { COLUMNS } from '../../contract.ts';
import { success } from '../../../executor/result.ts';
import { buildFailure, type BuildResult, type SourceLocation } from './fault.ts';
import { readSetting, type AuthorSetting } from './setting.ts';
import type { Sources } from './sources.ts';
import {
  isExported,
  KIND,
  listOfTexts,
  literalNumber,
  literalText,
  locate,
  visit,
  type Tree,
} from './syntax.ts';
import { parseAuthor } from './parse.ts';
import type { BuildTools } from './tools.ts';

/** Functions an author may export beside `evaluate`. */
const HOOKS = ['evaluate', 'begin', 'observe', 'save', 'restore'] as const;
export type Hook = (typeof HOOKS)[number];

/** What the build learned from reading the author's source. */
export interface Author {
  readonly hooks: ReadonlyMap<Hook, SourceLocation>;
  readonly settings: readonly AuthorSetting[];
  /** Columns whose names stand behind a dot anywhere in the author's files, in order of id. */
  readonly columns: readonly ColumnName[];
  readonly version: string;
  readonly description: string;
  readonly stateVersion: number;
  readonly stateBytesMax: number;
  readonly reasons: readonly string[];
}

/**
 * Reads the author's file, and those it imports, with the compiler's own parser.
 *
 * A column is wanted when the source has a property access of its name (`snapshot.pages`, `chunk.pages`,
 * and also `anything.pages`): asking for one too many costs copying, asking for one too few is impossible.
 */
export function readAuthor(tools: BuildTools, sources: Sources): BuildResult<Author> {
  const parsed = parseAuthor(tools, sources);
  if (!parsed.ok) return parsed;
  const [main] = parsed.value;
  const file = sources.pathOf(sources.name);
  const hooks = new Map<Hook, SourceLocation>();
  const settings: AuthorSetting[] = [];
  const constants = new Map<string, Tree>();
  for (const statement of main!.statements) {
    if (statement.kind === KIND.functionDeclaration && isExported(statement)) {
      const hook = HOOKS.find((name) => name === statement.name!.text);
      if (hook) hooks.set(hook, locate(statement.name!, file));
    }
    for (const declaration of statement.declarations ?? []) {
      const setting = readSetting(declaration, file);
      if (!setting.ok) return setting;
      if (setting.value) settings.push(setting.value);
      else if (isExported(declaration) && declaration.initializer) {
        constants.set(declaration.name!.text!, declaration.initializer);
      }
    }
  }
  if (!hooks.has('evaluate')) {
    return buildFailure(
      'evaluate-missing',
      'export function evaluate(snapshot: Snapshot, plan: Plan): void {…} is missing; policies/hold.ts is the smallest example',
      { file, line: 1, column: 1 },
    );
  }
  const text = (name: string) => (constants.has(name) ? literalText(constants.get(name)!) : undefined);
  const number = (name: string) => (constants.has(name) ? literalNumber(constants.get(name)!) : undefined);
  const keepsState = hooks.has('save');
  return success({
    hooks,
    settings,
    columns: wantedColumns(parsed.value),
    version: text('version') ?? '0.0.0',
    description: text('description') ?? '',
    stateVersion: number('stateVersion') ?? (keepsState ? 1 : 0),
    stateBytesMax: number('stateBytesMax') ?? (keepsState ? STATE_BYTES_DEFAULT : 0),
    reasons: constants.has('reasons') ? listOfTexts(constants.get('reasons')!) : [],
  });
}

/** State a policy may save when it exports `save` without saying how much. */
const STATE_BYTES_DEFAULT = 16 * 1024 * 1024;

function wantedColumns(files: readonly Tree[]): ColumnName[] {
  const used = new Set<string>();
  for (const file of files) {
    visit(file, (node) => {
      if (node.kind === KIND.propertyAccess) used.add(node.property!.text!);
    });
  }
  return (Object.keys(COLUMNS) as ColumnName[]).filter((name) => used.has(name));
}
