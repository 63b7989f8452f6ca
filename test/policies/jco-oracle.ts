import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transpile } from '@bytecodealliance/jco';

/** The world of policies/wit/policy.wit as jco's generated glue offers it. */
export interface OraclePolicy {
  /** Throws the error string when the policy refuses its settings. */
  configure(
    settings: readonly { name: string; value: { tag: 'number' | 'truth' | 'text'; val: unknown } }[],
  ): void;
  begin(epoch: OracleEpoch): void;
  observe(chunk: { first: number; count: number; columns: readonly OracleColumn[] }): void;
  decide(): OraclePlan;
  save(): Uint8Array;
  /** Throws the error string when the policy starts cold. */
  restore(version: number, state: Uint8Array): void;
}

export interface OracleColumn {
  readonly id: number;
  readonly data: { readonly tag: 'bytes' | 'shorts' | 'words' | 'floats'; readonly val: ArrayLike<number> };
}

export interface OracleEpoch {
  readonly number: number;
  readonly lengthMs: number;
  readonly regions: number;
  readonly owners: number;
  readonly samplingPeriod: number;
  readonly places: readonly {
    readonly tier: number;
    readonly kind: number;
    readonly state: number;
    readonly capacity: number;
    readonly room: number;
    readonly budget: number;
    readonly latencyNs: number;
    readonly bandwidthMib: number;
  }[];
  readonly metrics: readonly { readonly id: number; readonly subject: number; readonly value: number }[];
  readonly events: {
    readonly kinds: Uint8Array;
    readonly regions: Uint32Array;
    readonly others: Uint32Array;
  };
}

export interface OraclePlan {
  readonly regions: Uint32Array;
  readonly targets: Uint8Array;
  readonly priorities: Uint16Array;
  readonly reasons: Uint8Array;
  readonly headroom: Uint32Array;
  readonly wishes: readonly { readonly id: number; readonly subject: number; readonly value: number }[];
}

interface Generated {
  instantiate(
    getCore: (path: string) => WebAssembly.Module,
    imports: object,
    instantiateCore: (module: WebAssembly.Module, imports: WebAssembly.Imports) => WebAssembly.Instance,
  ): OraclePolicy;
}

/**
 * Loads one of our own components through jco's glue: another implementation of the canonical ABI to compare
 * ours with. Never for a component we did not build: jco's generated JavaScript is evaluated here.
 */
export async function loadWithJco(
  component: Uint8Array,
  log: (level: number, message: string) => void = () => {},
): Promise<OraclePolicy> {
  const { files } = await transpile(component, { name: 'policy', instantiation: 'sync' });
  const folder = mkdtempSync(join(tmpdir(), 'terrace-oracle-'));
  try {
    const script = join(folder, 'policy.mjs');
    writeFileSync(script, files['policy.js']!);
    const { instantiate } = (await import(pathToFileURL(script).href)) as Generated;
    const core = (path: string) => new WebAssembly.Module(files[path]! as Uint8Array<ArrayBuffer>);
    return instantiate(
      core,
      { log: { default: log } },
      (module, imports) => new WebAssembly.Instance(module, imports),
    );
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
