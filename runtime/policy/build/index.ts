import { createHash } from 'node:crypto';
import { basename, join } from 'node:path';
import { success } from '../../../executor/result.ts';
import type { Manifest } from '../../contract.ts';
import { readAuthor } from './author.ts';
import { compileCore } from './compile.ts';
import { componentOf } from './component.ts';
import { entrySource } from './entry.ts';
import { buildFailure, type BuildResult } from './fault.ts';
import { manifestOf, withManifest } from './manifest.ts';
import { openSources, readText } from './sources.ts';
import { loadTools } from './tools.ts';

export type { BuildFailure, BuildFault, BuildResult, SourceLocation } from './fault.ts';

/** What to build. `root` holds asconfig.json and policies/: this package's folder. */
export interface BuildRequest {
  /** The author's TypeScript file. */
  readonly file: string;
  /** A target of asconfig.json: `simd` or `scalar`. */
  readonly target: string;
  readonly root: string;
}

export interface BuiltPolicy {
  readonly component: Uint8Array;
  /** The core module inside, manifest section included. */
  readonly core: Uint8Array;
  readonly manifest: Manifest;
  /** SHA-256 of the component, hexadecimal. */
  readonly digest: string;
}

/** A policy is named by its file, without `.ts` and a version after `@`. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;

/**
 * Builds one policy: reads the source, generates the entry, compiles it, appends the manifest and wraps it
 * as a component. The same source gives the same bytes. Failures name the author's file, line and column.
 */
export async function buildPolicy(request: BuildRequest): Promise<BuildResult<BuiltPolicy>> {
  const { root, file, target } = request;
  const known = readTargets(root);
  if (!known.ok) return known;
  if (!known.value.includes(target)) {
    return buildFailure(
      'target-unknown',
      `no target ${target} in asconfig.json; choose ${known.value.join(' or ')}`,
    );
  }
  const name = basename(file, '.ts').replace(/@.*$/, '');
  if (!NAME.test(name)) {
    return buildFailure('source-not-found', `${file} is no policy's name; write it like my-policy.ts`);
  }
  const tools = await loadTools();
  if (!tools.ok) return tools;
  const sources = openSources(root, file, name);
  const author = readAuthor(tools.value, sources);
  if (!author.ok) return author;

  const compiled = await compileCore(
    tools.value,
    sources,
    author.value,
    entrySource(author.value, name),
    target,
  );
  if (!compiled.ok) return compiled;
  const manifest = manifestOf(author.value, name);
  const core = withManifest(compiled.value, manifest);
  const component = await componentOf(
    tools.value,
    core,
    readText(join(root, 'policies/wit/policy.wit')) ?? '',
  );
  if (!component.ok) return component;
  const digest = createHash('sha256').update(component.value).digest('hex');
  return success({ component: component.value, core, manifest, digest });
}

function readTargets(root: string): BuildResult<string[]> {
  const path = join(root, 'asconfig.json');
  try {
    const config = JSON.parse(readText(path) ?? '') as { targets?: object };
    return success(Object.keys(config.targets ?? {}));
  } catch {
    return buildFailure('config-invalid', `${path} is missing or no JSON; restore it from the repository`);
  }
}
