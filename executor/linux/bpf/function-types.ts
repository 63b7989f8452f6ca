/** Type ids in what `describeFunctions` makes. */
export const FUNCTION_TYPES = { main: 3, step: 5 } as const;

const KIND_INT = 1 << 24;
const KIND_FUNCTION = 12 << 24;
const KIND_PROTOTYPE = 13 << 24;
const INT_BITS = (1 << 24) | 32;
const LINKAGE = { static: 0, global: 1 } as const;
const HEADER_BYTES = 24;

const STRINGS = '\0int\0main\0step\0index\0';
const NAME = { int: 1, main: 5, step: 10, index: 15 } as const;

/**
 * BTF of `int main(void)` and `static int step(int index, int)`: enough for the verifier to accept `step` as a
 * callback. Source: Documentation/bpf/btf.rst.
 */
export function describeFunctions(): Uint8Array {
  const types = [
    [NAME.int, KIND_INT, 4, INT_BITS],
    [0, KIND_PROTOTYPE, 1],
    [NAME.main, KIND_FUNCTION | LINKAGE.global, 2],
    [0, KIND_PROTOTYPE | 2, 1, NAME.index, 1, NAME.index, 1],
    [NAME.step, KIND_FUNCTION | LINKAGE.static, 4],
  ].flat();
  const strings = Buffer.from(STRINGS, 'latin1');
  const typeBytes = types.length * 4;
  const header = [0x0001_eb9f, HEADER_BYTES, 0, typeBytes, typeBytes, strings.length];
  return Buffer.concat([new Uint8Array(Uint32Array.from([...header, ...types]).buffer), strings]);
}
