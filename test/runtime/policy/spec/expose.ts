import { createBinaryReader } from '../../../../runtime/policy/parse/binary-reader.ts';
import { text, unsigned } from './assemble.ts';

const HEADER_BYTES = 8;
const SECTION = { global: 6, export: 7, start: 8 } as const;
const EXPORT_KIND = { memory: 2, global: 3 } as const;

/** The same valid module without its start, which policies may not have, its memory exported as
 * `memory` and its every global as `global <index>`. */
export function exposeState(module: Uint8Array): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [module.subarray(0, HEADER_BYTES)];
  const reader = createBinaryReader(module.subarray(HEADER_BYTES));
  let globals = 0;
  while (!reader.atEnd) {
    const id = reader.byte();
    const payload = reader.take(reader.u32());
    if (id === SECTION.global) globals = createBinaryReader(payload).u32();
    if (id === SECTION.start) continue;
    const whole = id === SECTION.export ? withState(payload, globals) : payload;
    parts.push(Uint8Array.of(id, ...unsigned(whole.length)), whole);
  }
  return Uint8Array.from(Buffer.concat(parts));
}

function withState(exports: Uint8Array, globals: number): Uint8Array {
  const reader = createBinaryReader(exports);
  const count = reader.u32();
  const state = Array.from({ length: globals }, (_, i) => [
    ...text(`global ${i}`),
    EXPORT_KIND.global,
    ...unsigned(i),
  ]);
  const more = [[...text('memory'), EXPORT_KIND.memory, 0], ...state];
  return Uint8Array.from([...unsigned(count + more.length), ...reader.rest(), ...more.flat()]);
}
