import { FUEL_EXPORT } from '../../runtime/policy/meter/meter.ts';
import { CORE_HEADER, concatenate, leb128, name, section } from '../runtime/policy/hostile/bytes.ts';

const END = 0x0b;
/** The last word of the one page. */
const WORD_AT = 65_532;

/** An instance whose allocator gives whatever address stands at the end of its memory, and adds what it gave. */
export function guestModule(): Uint8Array<ArrayBuffer> {
  const at = [0x41, ...leb128(WORD_AT)];
  const load = [...at, 0x28, 2, 0];
  // Answers the word, after it has become itself and the bytes wanted.
  const realloc = [0, ...load, ...at, ...load, 0x20, 3, 0x6a, 0x36, 2, 0, END];
  return new Uint8Array(
    concatenate(
      CORE_HEADER,
      section(1, [1, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f]),
      section(3, [1, 0]),
      section(5, [1, 1, 1, 1]),
      section(6, [1, 0x7e, 1, 0x42, 0, END]),
      section(
        7,
        concatenate([3], name('memory'), [2, 0], name('cabi_realloc'), [0, 0], name(FUEL_EXPORT), [3, 0]),
      ),
      section(10, concatenate([1], leb128(realloc.length), realloc)),
    ),
  );
}
