import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { failure, success, type Result } from '../../../executor/result.ts';
import { MANIFEST_SECTION, type Manifest } from '../../contract.ts';
import { hostMemoryPagesDefault } from '../../limits.ts';
import { readCoreModule, type CoreModule } from '../parse/core-module.ts';
import { parseManifest, readManifest } from '../parse/manifest.ts';
import { readPolicy, type AdmittedPolicy } from '../parse/read-policy.ts';
import type { LoadFault } from '../policy.ts';
import { componentOf } from './component.ts';
import { buildFailure, type BuildFault } from './fault.ts';
import type { BuiltPolicy } from './index.ts';
import { withManifest } from './manifest.ts';
import { readText } from './sources.ts';
import { loadTools } from './tools.ts';
import { checkOutside } from './outside.ts';

/** A core Wasm module out of any toolchain (docs/languages.md). `root` holds policies/: this package's folder. */
export interface CoreBuildRequest {
  readonly file: string;
  /** The manifest as a JSON file; without it the module carries one in its custom section. */
  readonly manifest?: string;
  readonly root: string;
}

type CoreResult<T> = Result<T, BuildFault | LoadFault>;

/** Custom sections that say which world a module implements, as bindings generators write them. */
const WORLD_SECTION = 'component-type';
/** Where a Wasm header tells components from core modules (component model, Binary.md). */
const LAYER_AT = 6;
const COMPONENT_LAYER = 1;

/**
 * Builds a policy from a core module: checks what it imports and exports, appends the manifest, wraps it as a
 * component and admits it as a host would, so that what is wrong is told here. Nothing of it runs. A module
 * that says itself which world it implements is believed, and admitted or not like every other.
 */
export async function buildCorePolicy(request: CoreBuildRequest): Promise<CoreResult<BuiltPolicy>> {
  const bytes = readBytes(request.file);
  if (!bytes.ok) return bytes;
  if (bytes.value[LAYER_AT] === COMPONENT_LAYER) {
    return buildFailure('source-invalid', `${request.file} is a component already: use it as it is`);
  }
  const module = readCoreModule(bytes.value);
  if (!module.ok) return module;
  const misfit = checkOutside(module.value);
  if (!misfit.ok) return misfit;
  const manifest = findManifest(request, module.value);
  if (!manifest.ok) return manifest;
  const tools = await loadTools();
  if (!tools.ok) return tools;
  const core = request.manifest === undefined ? bytes.value : withManifest(bytes.value, manifest.value);
  const saysItsWorld = module.value.customs.some(({ name }) => name.startsWith(WORLD_SECTION));
  const wit = saysItsWorld ? undefined : (readText(join(request.root, 'policies/wit/policy.wit')) ?? '');
  const component = await componentOf(tools.value, core, wit);
  if (!component.ok) return component;
  const admitted = readPolicy(component.value, hostMemoryPagesDefault);
  return admitted.ok ? success(builtOf(component.value, admitted.value)) : admitted;
}

function builtOf(component: Uint8Array, { core, manifest, digest }: AdmittedPolicy): BuiltPolicy {
  return { component, core, manifest, digest };
}

function readBytes(file: string): CoreResult<Uint8Array> {
  try {
    return success(readFileSync(file));
  } catch (error) {
    return buildFailure('source-not-found', `no file ${file}: ${(error as Error).message}`);
  }
}

/** From the file, or from the module: whoever gives both might mean either. */
function findManifest({ manifest, file }: CoreBuildRequest, module: CoreModule): CoreResult<Manifest> {
  const inside = module.customs.some(({ name }) => name === MANIFEST_SECTION);
  if (manifest === undefined) {
    return inside
      ? readManifest(module)
      : failure('manifest-malformed', `${file} carries no manifest: name its JSON file with --manifest`);
  }
  if (inside) {
    return failure('manifest-malformed', `${file} carries a manifest already: build it without --manifest`);
  }
  const json = readBytes(manifest);
  if (!json.ok) return json;
  const parsed = parseManifest(json.value);
  return parsed.ok ? parsed : failure(parsed.code, `${manifest}: ${parsed.message} (docs/manifest.md)`);
}
