/** The parts of the WebAssembly JavaScript API that only the spec harness uses. */
export interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}

export type Exports = Readonly<Record<string, unknown>>;
export type Imports = Readonly<Record<string, Exports>>;
export type CoreFunction = (...values: unknown[]) => unknown;

interface Engine {
  readonly Memory: new (bounds: { initial: number; maximum: number }) => Memory;
  readonly Table: new (bounds: { initial: number; maximum: number; element: 'anyfunc' }) => object;
  readonly Global: new (type: { value: string; mutable: boolean }, value: unknown) => { value: unknown };
}

export const engine = globalThis.WebAssembly as unknown as Engine;

export function compile(bytes: Uint8Array): WebAssembly.Module {
  return new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
}

export function isValid(bytes: Uint8Array): boolean {
  return WebAssembly.validate(bytes as Uint8Array<ArrayBuffer>);
}

export function instantiate(module: WebAssembly.Module, imports: Imports): Exports {
  return new WebAssembly.Instance(module, imports).exports;
}
