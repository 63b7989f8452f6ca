import { expect } from 'vitest';
import { readCoreModule } from '../../../../runtime/policy/parse/core-module.ts';
import { END, FUNCREF, PLAIN, S, name, section, vector } from './wasm.ts';
import type { Bytes } from './wasm.ts';

export const FORBIDDEN = 'module-forbidden';
export const INVALID = 'module-invalid';
export const ZERO: Bytes = [0x41, 0, END];
export const types = section(S.type, vector(PLAIN));
export const memory = section(S.memory, vector([0, 1]));
export const table = section(S.table, vector([FUNCREF, 0, 1]));
export const oneFunction = [types, section(S.function, vector([0]))];
export const code = section(S.code, vector([2, 0, END]));
export const globalOf = (type: number, mutability: number, value: Bytes): Bytes =>
  section(S.global, vector([type, mutability, ...value, END]));
export const exportOf = (text: string, kind: number, index: number): Bytes =>
  section(S.export, vector([...name(text), kind, index]));

/** Expects a refusal in one line that ends with the place, `where` and then the byte. */
export function refuse(module: Uint8Array, code: string, says: string, where: string): void {
  const answer = readCoreModule(module);
  expect(answer).toMatchObject({ code, message: expect.stringContaining(says) });
  expect(!answer.ok && answer.message).toMatch(
    new RegExp(`\\(${where}byte 0x[0-9a-f]+ of the core module\\)$`),
  );
  expect(!answer.ok && answer.message).not.toContain('\n');
}
