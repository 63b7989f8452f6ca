import type { BinaryReader } from './binary-reader.ts';
import { quote } from '../quote.ts';

/**
 * Types of the component model, told apart by structure. Each distinct shape has one number, so that two
 * types are equal exactly when their numbers are, however deeply a hostile binary nests them.
 */
export type ShapeTable = (shape: string) => number;

export function createShapeTable(): ShapeTable {
  const numbers = new Map<string, number>();
  return (shape) => {
    const known = numbers.get(shape);
    if (known !== undefined) return known;
    numbers.set(shape, numbers.size);
    return numbers.size - 1;
  };
}

export type Fields = readonly (readonly [name: string, type: number | undefined])[];

export const shapeOf = {
  primitive: (name: string) => name,
  list: (element: number) => `list<${element}>`,
  record: (fields: Fields) => `record{${fieldsText(fields)}}`,
  variant: (cases: Fields) => `variant{${fieldsText(cases)}}`,
  result: (ok: number | undefined, error: number | undefined) => `result<${ok ?? '_'},${error ?? '_'}>`,
  function: (params: Fields, result: number | undefined) => `func(${fieldsText(params)})${result ?? '_'}`,
};

function fieldsText(fields: Fields): string {
  return fields.map(([name, type]) => `${JSON.stringify(name)}:${type ?? '_'}`).join(',');
}

export type ComponentType =
  | { readonly kind: 'value' | 'function'; readonly shape: number }
  | { readonly kind: 'instance'; readonly exports: ReadonlyMap<string, ComponentType> };

/** Component model, Binary.md, `primvaltype`. */
const PRIMITIVES: Readonly<Record<number, string>> = {
  0x7f: 'bool',
  0x7e: 's8',
  0x7d: 'u8',
  0x7c: 's16',
  0x7b: 'u16',
  0x7a: 's32',
  0x79: 'u32',
  0x78: 's64',
  0x77: 'u64',
  0x76: 'f32',
  0x75: 'f64',
  0x74: 'char',
  0x73: 'string',
};

const NOWHERE = { kind: 'value', shape: -1 } as const;

/** Reads one `deftype`. `space` is the type index space it may name. */
export function readType(
  reader: BinaryReader,
  shapes: ShapeTable,
  space: readonly ComponentType[],
): ComponentType {
  const form = reader.byte();
  if (form === 0x42) return readInstanceType(reader, shapes, space);
  if (form === 0x40) return { kind: 'function', shape: shapes(readFunctionShape(reader, shapes, space)) };
  return { kind: 'value', shape: shapes(readValueShape(reader, form, shapes, space)) };
}

function readValueShape(
  reader: BinaryReader,
  form: number,
  shapes: ShapeTable,
  space: readonly ComponentType[],
): string {
  const primitive = PRIMITIVES[form];
  if (primitive !== undefined) return shapeOf.primitive(primitive);
  const type = (): number => readValueType(reader, shapes, space);
  switch (form) {
    case 0x70:
      return shapeOf.list(type());
    case 0x72:
      return shapeOf.record(readFields(reader, type));
    case 0x71:
      return shapeOf.variant(readFields(reader, () => readCase(reader, type)));
    case 0x6a:
      return shapeOf.result(readOptional(reader, type), readOptional(reader, type));
    default:
      reader.fail('it uses a type that the policy world does not have', 'world-mismatch');
      return '';
  }
}

function readFunctionShape(
  reader: BinaryReader,
  shapes: ShapeTable,
  space: readonly ComponentType[],
): string {
  const type = (): number => readValueType(reader, shapes, space);
  const params = readFields(reader, type);
  if (reader.byte() === 0) return shapeOf.function(params, type());
  if (reader.byte() !== 0) reader.fail('a function type of the component is malformed');
  return shapeOf.function(params, undefined);
}

function readFields(reader: BinaryReader, type: () => number | undefined): Fields {
  const fields: [string, number | undefined][] = [];
  for (let left = reader.count(); left > 0 && !reader.atEnd; left--) fields.push([reader.name(), type()]);
  return fields;
}

function readCase(reader: BinaryReader, type: () => number): number | undefined {
  const payload = readOptional(reader, type);
  if (reader.byte() !== 0) reader.fail('a variant type of the component is malformed');
  return payload;
}

function readOptional(reader: BinaryReader, type: () => number): number | undefined {
  return reader.byte() === 1 ? type() : undefined;
}

/** A primitive, or an index into the type space (`s33`, whose one-byte negatives are the primitives). */
function readValueType(reader: BinaryReader, shapes: ShapeTable, space: readonly ComponentType[]): number {
  const first = reader.peek();
  if (PRIMITIVES[first] !== undefined) return shapes(PRIMITIVES[reader.byte()]!);
  const type = space[reader.u32()];
  if (type?.kind === 'value') return type.shape;
  reader.fail('the component names a value type it does not have');
  return NOWHERE.shape;
}

/** Instance types may only export types: a policy imports no instance that could do something. */
function readInstanceType(
  reader: BinaryReader,
  shapes: ShapeTable,
  outer: readonly ComponentType[],
): ComponentType {
  const space: ComponentType[] = [];
  const exports = new Map<string, ComponentType>();
  for (let left = reader.count(); left > 0 && !reader.atEnd; left--) {
    const declaration = reader.byte();
    if (declaration === 0x01) {
      if (reader.peek() === 0x42) reader.fail('an instance type of the component nests another one');
      space.push(readType(reader, shapes, space));
    } else if (declaration === 0x02) space.push(readOuterAlias(reader, outer));
    else if (declaration === 0x04) {
      const name = readExternName(reader);
      const type = readTypeBound(reader, space);
      if (type === undefined)
        reader.fail(`it imports ${quote(name)} of an instance, which is no type`, 'import-forbidden');
      space.push(type ?? NOWHERE);
      exports.set(name, type ?? NOWHERE);
    } else reader.fail('an instance type of the component declares something unknown');
  }
  return { kind: 'instance', exports };
}

function readOuterAlias(reader: BinaryReader, outer: readonly ComponentType[]): ComponentType {
  const [sort, target, depth] = [reader.byte(), reader.byte(), reader.u32()];
  const type = outer[reader.u32()];
  if (sort === 0x03 && target === 0x02 && depth === 1 && type !== undefined) return type;
  reader.fail('an instance type of the component aliases something unknown');
  return NOWHERE;
}

/** `externdesc` of a type that equals another one; undefined for every other kind. */
export function readTypeBound(
  reader: BinaryReader,
  space: readonly ComponentType[],
): ComponentType | undefined {
  return reader.byte() === 0x03 && reader.byte() === 0x00 ? space[reader.u32()] : undefined;
}

/** `importname` and `exportname`: a leading byte tells plain names from interface names. */
export function readExternName(reader: BinaryReader): string {
  if (reader.byte() > 1) reader.fail('a name of the component is of an unknown kind');
  return reader.name();
}
