import { success, type Result } from '../../executor/result.ts';
import type { Settings } from '../contract.ts';
import { packageRoot } from '../package-root.ts';
import { loadPolicy, type HostedPolicy, type LoadOptions } from './load.ts';
import type { LoadFault } from './policy.ts';
import { openShelf, type Build, type ShelfFault } from './shelf.ts';

export { zooFolder } from './shelf.ts';

/**
 * Loads what a person named: a policy of the zoo, a component, or a source file, which is built first
 * (that needs the development dependencies).
 */
export async function openPolicy(
  named: string,
  settings: Settings,
  options: Omit<LoadOptions, 'policy' | 'settings'> = {},
): Promise<Result<HostedPolicy, LoadFault | ShelfFault>> {
  const policy = await zoo.find(named, options.limits?.memoryPagesMax);
  return policy.ok ? loadPolicy({ ...options, policy: policy.value, settings }) : policy;
}

const buildHere: Build = async (file) => {
  const { buildPolicy } = await import('./build/index.ts');
  const built = await buildPolicy({ root: packageRoot, file, target: 'simd' });
  return built.ok ? success(built.value.component) : built;
};

/** The policies that come with Terrace, and files. A source is built in this process. */
export const zoo = openShelf({ build: buildHere });
