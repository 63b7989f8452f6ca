import { success } from '../../../executor/result.ts';
import { buildFailure, type BuildResult } from './fault.ts';
import type { BuildTools } from './tools.ts';

/** Wraps a core module as a component of the world; strings are UTF-16, as AssemblyScript holds them. */
export async function componentOf(
  tools: BuildTools,
  core: Uint8Array,
  witSource: string,
): Promise<BuildResult<Uint8Array>> {
  try {
    const embedded = await tools.jco.componentEmbed({
      binary: core,
      witSource,
      world: 'policy',
      stringEncoding: 'utf16',
    });
    return success(await tools.jco.componentNew(embedded, []));
  } catch (error) {
    return buildFailure(
      'component-failed',
      `the module does not fit the world of policies/wit/policy.wit: ${String(error)}`,
    );
  }
}
