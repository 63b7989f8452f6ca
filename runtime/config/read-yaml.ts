import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Alias, Scalar, YAMLMap } from 'yaml';
import { failure, success, type Failure } from '../../executor/result.ts';
import { configDepthMax, configFaultsMax, configValuesMax } from '../limits.ts';
import { quote } from '../policy/quote.ts';
import { plainText } from '../policy/reply.ts';
import { refuse, type ConfigResult, type Path, type PlaceOf } from './faults.ts';

export interface YamlFile {
  readonly value: unknown;
  readonly placeOf: PlaceOf;
}

/**
 * Reads one YAML 1.2 document of the core schema: no tags, keys are text and stand once in their mapping, and what
 * stands behind aliases counts anew each time. Never throws, whatever the text.
 */
export function readYaml(text: string, file: string): ConfigResult<YamlFile, 'config-malformed'> {
  const lines = new LineCounter();
  // Keys are compared in `readMap`, which need not compare each with each.
  const options = { version: '1.2', schema: 'core', uniqueKeys: false, prettyErrors: false } as const;
  const { contents, errors } = parseDocument(text, { ...options, lineCounter: lines });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  if (errors.length > 0)
    return refuse(
      errors
        .slice(0, configFaultsMax + 1)
        .map(({ code, message, pos }) => malformed(at(pos[0]), explain(code, message))),
    );
  const reader = createReader(at);
  const value = reader.read(contents, 0);
  if (reader.faults.length > 0) return refuse(reader.faults);
  return success({ value, placeOf: (path) => at(findOffset(contents, path, reader.meant)) });
}

function malformed(place: string, message: string): Failure<'config-malformed'> {
  return failure('config-malformed', `${place} ${message}`);
}

function explain(code: string, message: string): string {
  if (code === 'RESOURCE_EXHAUSTION') return tooDeep;
  if (code === 'MULTIPLE_DOCS') return 'a second document begins here: write one file for each daemon';
  return `this is no YAML: ${plainText(Buffer.from(message.slice(0, messageUnitsMax)))}`;
}

const tooDeep = `nested too deeply: ${configDepthMax} levels are allowed`;
/** Of a message of the parser, which may repeat what it read. */
const messageUnitsMax = 200;

interface Reader {
  readonly faults: readonly Failure<'config-malformed'>[];
  /** The nodes that aliases stand for. */
  readonly meant: ReadonlyMap<unknown, unknown>;
  /** What cannot be read becomes undefined, and a fault; once there are too many values nothing is read any more. */
  read(node: unknown, depth: number): unknown;
}

function createReader(at: (offset: number) => string): Reader {
  const faults: Failure<'config-malformed'>[] = [];
  const anchors = new Map<string, unknown>();
  const anchored = new Set<unknown>();
  const meant = new Map<unknown, unknown>();
  let values = 0;

  function fault(node: unknown, message: string): undefined {
    if (faults.length <= configFaultsMax) faults.push(malformed(at(offsetOf(node) ?? 0), message));
  }

  function read(node: unknown, depth: number): unknown {
    if (values > configValuesMax) return undefined;
    if (++values > configValuesMax)
      return fault(node, `more than ${configValuesMax} values, those behind aliases counted anew each time`);
    if (depth > configDepthMax) return fault(node, tooDeep);
    if (isAlias(node)) return readAlias(node, depth);
    if (!isNode(node)) return null;
    if (node.tag !== undefined)
      return fault(node, 'tags are not taken: leave it out, and put text in quotes');
    if (node.anchor !== undefined) setAnchor(node.anchor, node);
    if (isMap(node)) return readMap(node, depth);
    return isSeq(node) ? node.items.map((item) => read(item, depth + 1)) : (node as Scalar).value;
  }

  /** Once for each node: what stands behind an alias is read again, and later anchors of the same name stay. */
  function setAnchor(name: string, node: unknown): void {
    if (!anchored.has(node)) anchors.set(name, node);
    anchored.add(node);
  }

  function readAlias(alias: Alias, depth: number): unknown {
    const node = meant.get(alias) ?? anchors.get(alias.source);
    if (node === undefined) return fault(alias, `no anchor ${quote(alias.source)} stands before this alias`);
    meant.set(alias, node);
    return read(node, depth + 1);
  }

  function readMap({ items }: YAMLMap, depth: number): unknown {
    const entries = new Map<string, unknown>();
    for (const { key, value } of items) {
      const name = nameOf(key);
      if (name === undefined) fault(key, 'a key must be text: put it in quotes');
      else if (entries.has(name)) fault(key, `the key ${quote(name)} stands here a second time`);
      else if (name === '__proto__') fault(key, 'nothing has a key "__proto__"');
      else entries.set(name, read(value, depth + 1));
    }
    return Object.fromEntries(entries);
  }

  return { faults, meant, read };
}

function nameOf(key: unknown): string | undefined {
  return isScalar(key) && typeof key.value === 'string' && key.tag === undefined ? key.value : undefined;
}

function offsetOf(node: unknown): number | undefined {
  return isNode(node) ? node.range?.[0] : undefined;
}

function findOffset(contents: unknown, path: Path, meant: Reader['meant']): number {
  let node = contents;
  let offset = offsetOf(node) ?? 0;
  for (const part of path) {
    if (isAlias(node)) node = meant.get(node);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => nameOf(key) === String(part));
      if (pair === undefined) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      offset = offsetOf(node) ?? offset;
    } else break;
  }
  return offset;
}
