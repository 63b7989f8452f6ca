import { success } from '../../../executor/result.ts';
import { buildFailure, type BuildResult } from './fault.ts';

/** What building needs and running does not: development dependencies, loaded when first asked for. */
export interface BuildTools {
  readonly assemblyscript: typeof import('assemblyscript');
  readonly asc: typeof import('assemblyscript/asc');
  readonly jco: Pick<typeof import('@bytecodealliance/jco'), 'componentEmbed' | 'componentNew'>;
}

/** The compiler and the componentizer, or `build-tools-missing`. */
export async function loadTools(): Promise<BuildResult<BuildTools>> {
  try {
    const [assemblyscript, asc, jco] = await Promise.all([
      import('assemblyscript'),
      import('assemblyscript/asc'),
      import('@bytecodealliance/jco'),
    ]);
    return success({ assemblyscript, asc, jco });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    return buildFailure(
      'build-tools-missing',
      'building needs assemblyscript and @bytecodealliance/jco: npm install --save-dev assemblyscript @bytecodealliance/jco, or run a compiled .wasm',
    );
  }
}
