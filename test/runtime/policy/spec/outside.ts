import { success } from '../../../../executor/result.ts';
import type { Result } from '../../../../executor/result.ts';
import { readCoreModule } from '../../../../runtime/policy/parse/core-module.ts';
import type { LoadFault } from '../../../../runtime/policy/policy.ts';
import type { NumberType } from './assemble.ts';

export interface Signature {
  readonly params: readonly NumberType[];
  readonly results: readonly NumberType[];
}

/** What others see of a generated module, which passes no references. */
export interface Outside {
  readonly imports: readonly {
    readonly module: string;
    readonly name: string;
    readonly signature: Signature;
  }[];
  readonly functions: readonly { readonly name: string; readonly signature: Signature }[];
  readonly globals: readonly string[];
}

const KIND = { function: 0, global: 3 } as const;

export function readOutside(bytes: Uint8Array): Result<Outside, LoadFault> {
  const answer = readCoreModule(bytes);
  if (!answer.ok) return answer;
  const { imports, exports, functions } = answer.value;
  const ofKind = (kind: number) => [...exports].filter(([, entry]) => entry.kind === kind);
  return success({
    imports: imports.map((each) => ({ ...each, signature: parse(each.signature) })),
    functions: ofKind(KIND.function).map(([name, { index }]) => ({
      name,
      signature: parse(functions[index]!.signature),
    })),
    globals: ofKind(KIND.global).map(([name]) => name),
  });
}

/** `i32 f64 -> v128`. */
function parse(signature: string): Signature {
  const [params = [], results = []] = signature
    .split('->')
    .map((side) => side.split(' ').filter((type) => type !== '') as NumberType[]);
  return { params, results };
}
