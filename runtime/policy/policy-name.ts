import { POLICY_NAME, POLICY_VERSION } from './parse/manifest.ts';

/** What a person may call a policy: the path of a file, or a name, with or without a version. */
export type PolicyName =
  | { readonly path: string }
  | { readonly path?: undefined; readonly name: string; readonly version?: string };

const [NAME, VERSION] = [POLICY_NAME, POLICY_VERSION].map(({ source }) => source.slice(1, -1));
const NAMED = new RegExp(`^(${NAME})(?:@(${VERSION}))?$`);
const FILE = /\.(?:wasm|ts)$/;

/** Every way to name a policy. */
export const POLICY_NAMED = new RegExp(`${NAMED.source}|^[^\\0]+${FILE.source}`);

export function isPolicyPath(named: string): boolean {
  return FILE.test(named);
}

/** Undefined where it is neither. */
export function parsePolicyName(named: string): PolicyName | undefined {
  if (isPolicyPath(named)) return { path: named };
  const parts = NAMED.exec(named);
  if (parts === null) return undefined;
  const [, name, version] = parts;
  return { name: name!, ...(version !== undefined && { version }) };
}

/** What a file in a folder of policies is named for: `NAME.wasm`, `NAME@VERSION.ts` and their likes. */
export function parsePolicyFile(file: string): PolicyName | undefined {
  return FILE.test(file) ? parsePolicyName(file.replace(FILE, '')) : undefined;
}

/**
 * Below 0 where `a` is the older one. Numbers between dots compare as numbers, a missing one is 0, and what stands
 * after `-` makes it older; `+` and what follows does not count. As semver.org/#spec-item-11, where that applies.
 */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => split(version.split('+', 1)[0]!));
  return (
    compareParts(left!.core, right!.core, '0') || comparePreReleases(left!.preRelease, right!.preRelease)
  );
}

interface Version {
  readonly core: readonly string[];
  readonly preRelease: readonly string[] | undefined;
}

function split(version: string): Version {
  const at = version.indexOf('-');
  if (at < 0) return { core: version.split('.'), preRelease: undefined };
  return { core: version.slice(0, at).split('.'), preRelease: version.slice(at + 1).split('.') };
}

function comparePreReleases(a: Version['preRelease'], b: Version['preRelease']): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  return compareParts(a, b, undefined);
}

/** `missing` stands where one has no part left; undefined = the shorter one is the older. */
function compareParts(a: readonly string[], b: readonly string[], missing: string | undefined): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const [left, right] = [a[i] ?? missing, b[i] ?? missing];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    const order = comparePart(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers before words. */
function comparePart(a: string, b: string): number {
  const [left, right] = [a, b].map((part) => (/^\d+$/.test(part) ? BigInt(part) : undefined));
  if (left !== undefined && right !== undefined) return Number(left > right) - Number(left < right);
  if (left !== undefined || right !== undefined) return left === undefined ? 1 : -1;
  return Number(a > b) - Number(a < b);
}
