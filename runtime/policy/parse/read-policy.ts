import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import type { Manifest } from '../../contract.ts';
import { policyBytesMax } from '../../limits.ts';
import { admitPolicy } from './admit.ts';
import { createShapeTable } from './component-types.ts';
import { isCoreModule, readComponent } from './component.ts';
import type { Component } from './component.ts';
import { readCoreModule } from './core-module.ts';
import type { CoreModule } from './core-module.ts';
import { readManifest } from './manifest.ts';
import type { LoadFailure, LoadFault } from '../policy.ts';
import { findWasiImport } from './wasi.ts';
import { describeWorld } from './world.ts';

/** A policy that was read and found fit for a host. Nothing of it ran, and V8 has not seen it. */
export interface AdmittedPolicy {
  readonly manifest: Manifest;
  /** SHA-256 of the component, hexadecimal. */
  readonly digest: string;
  /** The whole of it, as it was read. */
  readonly component: Uint8Array;
  /** The core module inside the component. */
  readonly core: Uint8Array;
  readonly outline: Outline;
}

/** What an admitted policy is made of. */
export interface Outline {
  /** Of the component. */
  readonly bytes: number;
  /** Its own functions. */
  readonly functions: number;
  /** Its globals that change: with its memory, all its state. */
  readonly mutableGlobals: number;
  /** In pages of 64 KiB; no maximum: the host's alone holds. */
  readonly memory: { readonly minimum: number; readonly maximum: number | undefined };
  readonly imports: readonly string[];
}

const NO_COMPONENT = failure<LoadFault>(
  'not-a-component',
  'the file is a core Wasm module: make it a component with `terrace build` (byte 0x0 of the core module)',
);

/** Reads a component with our own parser and judges it. `memoryPagesMax`: 64 KiB each. */
export function readPolicy(bytes: Uint8Array, memoryPagesMax: number): Result<AdmittedPolicy, LoadFault> {
  if (bytes.length > policyBytesMax)
    return findHopeless(bytes.subarray(0, policyBytesMax)) ?? tooLarge(bytes.length);
  if (isCoreModule(bytes)) return findHopeless(bytes) ?? NO_COMPONENT;
  const shapes = createShapeTable();
  const component = readComponent(bytes, shapes);
  if (!component.ok) return component;
  const { core, coreAt } = component.value;
  const module = readCoreModule(core, { whole: 'component', base: coreAt });
  if (!module.ok) return module;
  // The manifest before the world: a policy of another abi should be told so, not what differs.
  const manifest = readManifest(module.value);
  if (!manifest.ok) return manifest;
  const admitted = admitPolicy(component.value, module.value, describeWorld(shapes), memoryPagesMax);
  if (!admitted.ok) return admitted;
  const digest = createHash('sha256').update(bytes).digest('hex');
  const outline = outlineOf(bytes.length, component.value, module.value);
  return success({ manifest: manifest.value, digest, component: bytes, core, outline });
}

/** Why bytes that are no policy anyway hold something that never can become one; `bytes` may be cut off. */
function findHopeless(bytes: Uint8Array): LoadFailure | undefined {
  if (!isCoreModule(bytes)) return findWasiImport(bytes);
  const module = readCoreModule(bytes);
  return !module.ok && module.code === 'import-forbidden' ? module : undefined;
}

function outlineOf(bytes: number, component: Component, module: CoreModule): Outline {
  const { minimum, maximum } = module.memories[0]!;
  return {
    bytes,
    functions: module.functions.length - module.imports.length,
    mutableGlobals: module.globals.filter(({ mutable }) => mutable).length,
    memory: { minimum, maximum },
    imports: [...component.imports.keys()],
  };
}

export function readPolicyFile(path: string): Result<Uint8Array, LoadFault> {
  let descriptor: number | undefined;
  try {
    // A FIFO must not hold up whoever reads.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return failure('policy-not-found', `${path} is no file: name a .wasm component`);
    if (stat.size <= policyBytesMax) return success(readFileSync(descriptor));
    const begin = Buffer.alloc(policyBytesMax);
    return findHopeless(begin.subarray(0, readSync(descriptor, begin))) ?? tooLarge(stat.size);
  } catch (error) {
    return failure('policy-not-found', `the policy cannot be read: ${(error as Error).message}`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function tooLarge(bytes: number): Result<never, LoadFault> {
  return failure(
    'policy-too-large',
    `the policy takes ${bytes} bytes; ${policyBytesMax} are allowed: build it without debug names`,
  );
}
