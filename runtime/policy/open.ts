import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { failure, success, type Result } from '../../executor/result.ts';
import type { Settings } from '../contract.ts';
import { packageRoot } from '../package-root.ts';
import { loadPolicy, type HostedPolicy, type LoadOptions } from './load.ts';
import type { LoadFault } from './policy.ts';
import type { BuildFault } from './build/fault.ts';

/** Where the build puts the policies that come with Terrace. */
export const zooFolder = path.join(packageRoot, 'dist/policies');

/**
 * Loads what a person named: a policy of the zoo, a component, or a source file, which is built first
 * (that needs the development dependencies).
 */
export async function openPolicy(
  named: string,
  settings: Settings,
  options: Omit<LoadOptions, 'policy' | 'settings'> = {},
): Promise<Result<HostedPolicy, LoadFault | BuildFault>> {
  const policy = await findComponent(named);
  return policy.ok ? loadPolicy({ ...options, policy: policy.value, settings }) : policy;
}

/** The component that a name stands for, as a path or as its bytes. */
export async function findComponent(
  named: string,
): Promise<Result<LoadOptions['policy'], LoadFault | BuildFault>> {
  if (named.endsWith('.wasm')) return success(named);
  if (named.endsWith('.ts')) {
    const { buildPolicy } = await import('./build/index.ts');
    const built = await buildPolicy({ root: packageRoot, file: named, target: 'simd' });
    return built.ok ? success(built.value.component) : built;
  }
  const file = path.join(zooFolder, `${named}.wasm`);
  if (/^[\w-]+$/.test(named) && existsSync(file)) return success(file);
  return failure(
    'policy-not-found',
    `there is no policy ${named}: name one of ${listZoo().join(', ')}, a .wasm component or a .ts source`,
  );
}

function listZoo(): string[] {
  if (!existsSync(zooFolder)) return [];
  return readdirSync(zooFolder)
    .filter((name) => name.endsWith('.wasm'))
    .map((name) => name.slice(0, -'.wasm'.length));
}
