import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import type { Manifest } from '../../contract.ts';
import { policyBytesMax } from '../../limits.ts';
import { admitPolicy } from './admit.ts';
import { createShapeTable } from './component-types.ts';
import { readComponent } from './component.ts';
import { readCoreModule } from './core-module.ts';
import { readManifest } from './manifest.ts';
import type { LoadFault } from '../policy.ts';
import { describeWorld } from './world.ts';

/** A policy that was read and found fit for a host. Nothing of it ran, and V8 has not seen it. */
export interface AdmittedPolicy {
  readonly manifest: Manifest;
  /** SHA-256 of the component, hexadecimal. */
  readonly digest: string;
  /** The core module inside the component. */
  readonly core: Uint8Array;
}

/** Reads a component with our own parser and judges it. `memoryPagesMax`: 64 KiB each. */
export function readPolicy(bytes: Uint8Array, memoryPagesMax: number): Result<AdmittedPolicy, LoadFault> {
  if (bytes.length > policyBytesMax) return tooLarge(bytes.length);
  const shapes = createShapeTable();
  const component = readComponent(bytes, shapes);
  if (!component.ok) return component;
  const module = readCoreModule(component.value.core);
  if (!module.ok) return module;
  // The manifest before the world: a policy of another abi should be told so, not what differs.
  const manifest = readManifest(module.value);
  if (!manifest.ok) return manifest;
  const admitted = admitPolicy(component.value, module.value, describeWorld(shapes), memoryPagesMax);
  if (!admitted.ok) return admitted;
  const digest = createHash('sha256').update(bytes).digest('hex');
  return success({ manifest: manifest.value, digest, core: component.value.core });
}

export function readPolicyFile(path: string): Result<Uint8Array, LoadFault> {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'r');
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return failure('policy-not-found', `${path} is no file: name a .wasm component`);
    if (stat.size > policyBytesMax) return tooLarge(stat.size);
    return success(readFileSync(descriptor));
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
