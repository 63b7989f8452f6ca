import { execFileSync } from 'node:child_process';
import { FUEL_EXPORT, meterModule } from '../../../runtime/policy/meter/meter.ts';
import type { MeterOptions } from '../../../runtime/policy/meter/meter.ts';

/** A binary out of the text format, by wabt. */
export function assemble(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(execFileSync('wat2wasm', ['-', '--output=-'], { input: text }));
}

/** What a call came to: what it answered, or how it trapped. */
export type Ending = { readonly answer: unknown } | { readonly trap: string };

export interface Running {
  readonly exports: Readonly<Record<string, unknown>>;
  call(name: string, ...args: readonly unknown[]): Ending;
}

export interface Metered extends Running {
  readonly fuel: { value: bigint };
  /** What a call burns, out of plenty. */
  burn(name: string, ...args: readonly unknown[]): number;
}

const PLENTY = 10_000_000_000n;

export function run(binary: Uint8Array<ArrayBuffer>, imports: WebAssembly.Imports = {}): Running {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), imports);
  return {
    exports,
    call(name, ...args) {
      try {
        return { answer: (exports[name] as (...values: readonly unknown[]) => unknown)(...args) };
      } catch (error) {
        return { trap: (error as Error).message };
      }
    },
  };
}

export function meter(
  binary: Uint8Array<ArrayBuffer>,
  options: MeterOptions = {},
  imports?: WebAssembly.Imports,
): Metered {
  const metered = meterModule(binary, { fuelAtStart: PLENTY, ...options });
  if (!metered.ok) throw new Error(metered.message);
  const running = run(metered.value.binary, imports);
  const fuel = running.exports[FUEL_EXPORT] as { value: bigint };
  return {
    ...running,
    fuel,
    burn(name, ...args) {
      fuel.value = PLENTY;
      const ending = running.call(name, ...args);
      if ('trap' in ending) throw new Error(ending.trap);
      return Number(PLENTY - fuel.value);
    },
  };
}
