import { success } from '../../../executor/result.ts';
import type { SettingSchema, SettingValue } from '../../contract.ts';
import { buildFailure, type BuildResult } from './fault.ts';
import { isExported, KIND, literalNumber, literalText, locate, textOf, type Tree } from './syntax.ts';

/** One annotated variable of the author's: its schema, and the AssemblyScript type to assign. */
export interface AuthorSetting {
  readonly schema: SettingSchema;
  readonly type: string;
}

interface SettingType {
  readonly type: SettingSchema['type'];
  readonly min?: number;
  readonly max?: number;
}

/** AssemblyScript types a setting may have. 64-bit integers are missing: settings travel as doubles. */
const TYPES: Readonly<Record<string, SettingType>> = {
  u8: { type: 'integer', min: 0, max: 255 },
  i8: { type: 'integer', min: -128, max: 127 },
  u16: { type: 'integer', min: 0, max: 65_535 },
  i16: { type: 'integer', min: -32_768, max: 32_767 },
  u32: { type: 'integer', min: 0, max: 4_294_967_295 },
  i32: { type: 'integer', min: -2_147_483_648, max: 2_147_483_647 },
  f32: { type: 'number' },
  f64: { type: 'number' },
  bool: { type: 'truth' },
  string: { type: 'text' },
};

const EXAMPLE = '@setting("what it does", 0, 1000) export let cut: u32 = 100';

/** Reads `@setting("doc", min, max) export let name: type = default`; undefined for any other variable. */
export function readSetting(declaration: Tree, file: string): BuildResult<AuthorSetting | undefined> {
  const decorator = declaration.decorators?.find(({ name }) => name?.text === 'setting');
  if (!decorator) return success(undefined);
  const refuse = (what: string) =>
    buildFailure('setting-invalid', `${what}; write ${EXAMPLE}`, locate(declaration, file));

  const name = declaration.name!.text!;
  if (!isExported(declaration)) return refuse(`setting ${name} is not exported`);
  const typeName = declaration.type ? textOf(declaration.type) : '';
  const type = TYPES[typeName];
  if (!type) return refuse(`setting ${name} has no type, or none of ${Object.keys(TYPES).join(', ')}`);
  const [text, ...bounds] = decorator.args ?? [];
  const description = text && literalText(text);
  if (!description) return refuse(`setting ${name} is not described`);
  const value = declaration.initializer ? literal(declaration.initializer, type.type) : undefined;
  if (value === undefined)
    return refuse(`the default of setting ${name} is not a literal of type ${typeName}`);
  const [min = type.min, max = type.max] = bounds.map(literalNumber);
  const numeric = typeof value === 'number';
  if (
    bounds.length > 2 ||
    (bounds.length > 0 && !numeric) ||
    bounds.some((bound) => literalNumber(bound) === undefined)
  ) {
    return refuse(`the bounds of setting ${name} are not numbers min, max`);
  }
  if (numeric && (value < (min ?? value) || value > (max ?? value))) {
    return refuse(`the default ${value} of setting ${name} lies outside ${min} … ${max}`);
  }
  if (numeric && ((min ?? 0) < (type.min ?? -Infinity) || (max ?? 0) > (type.max ?? Infinity))) {
    return refuse(`${min} … ${max} of setting ${name} does not fit ${typeName}`);
  }
  const schema: SettingSchema = {
    name,
    type: type.type,
    description,
    default: value,
    ...(numeric && min !== undefined && { min }),
    ...(numeric && max !== undefined && { max }),
  };
  return success({ schema, type: typeName });
}

function literal(node: Tree, type: SettingSchema['type']): SettingValue | undefined {
  if (type === 'truth') return node.kind === KIND.true ? true : node.kind === KIND.false ? false : undefined;
  if (type === 'text') return literalText(node);
  const value = literalNumber(node);
  return type === 'integer' && !Number.isInteger(value) ? undefined : value;
}
