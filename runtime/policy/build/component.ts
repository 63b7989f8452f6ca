import { success } from '../../../executor/result.ts';
import { buildFailure, type BuildResult } from './fault.ts';
import type { BuildTools } from './tools.ts';

/**
 * Wraps a core module as a component of the world; strings are UTF-16, as AssemblyScript holds them.
 * Without `witSource` the module says itself, in a custom section, which world it implements.
 */
export async function componentOf(
  { jco }: BuildTools,
  core: Uint8Array,
  witSource: string | undefined,
): Promise<BuildResult<Uint8Array>> {
  const world = { world: 'policy', stringEncoding: 'utf16' } as const;
  try {
    const embedded =
      witSource === undefined ? core : await jco.componentEmbed({ binary: core, witSource, ...world });
    return success(await jco.componentNew(embedded, []));
  } catch (error) {
    return buildFailure(
      'component-failed',
      `the module does not fit the world of policies/wit/policy.wit: ${String(error)}`,
    );
  }
}
