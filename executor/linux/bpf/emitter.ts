import { createAssembler, R0, R1, R2, R4, R5, R9, reg, type Assembler, type Register } from './assembler.ts';
import type { KernelLayout } from './kernel-layout.ts';
import { SLOT, type Slot } from './walk-memory.ts';

/** Where the kernel's own maps of memory lie; they differ from boot to boot. */
export interface KernelBases {
  /** Address of the struct page of frame 0. */
  readonly frames: bigint;
  /** Address at which all of physical memory is mapped. */
  readonly directMap: bigint;
  /** One past the last frame. */
  readonly frameEnd: number;
  /** Page tables have five levels. */
  readonly fiveLevels: boolean;
}

/** A member to read: where to, and its offset; `word` = 32 bits of it. */
export type Field = readonly [to: Register, offset: number, size?: 'word'];

/**
 * The words of the walk on top of plain instructions. R9 holds the shared memory throughout. Reading the kernel
 * takes R0 to R2, checking an address R4 and R5; R6 to R8 survive both.
 */
export interface Emitter extends Assembler {
  readonly layout: KernelLayout;
  get(to: Register, slot: Slot): void;
  set(slot: Slot, from: Register): void;
  setValue(slot: Slot, value: number): void;
  /** Reads members of the kernel structure at `from`; a bad address reads as 0 instead of faulting. */
  read(from: Register, ...fields: readonly Field[]): void;
  /**
   * Goes to `otherwise` unless the address lies in the direct map of memory, past its first MiB. No other
   * address is ever followed, so that no load can reach a device.
   */
  checkAddress(address: Register, otherwise: string): void;
}

/** Bytes that one window into kernel memory spans: the first 16 words of pt_regs. */
const WINDOW_BYTES = 128;

export function createEmitter(layout: KernelLayout, bases?: KernelBases): Emitter {
  const asm = createAssembler();
  return Object.assign(asm, {
    layout,
    get: (to: Register, slot: Slot) => asm.loadFrom(to, R9, 8 * SLOT[slot]),
    set: (slot: Slot, from: Register) => asm.store(R9, 8 * SLOT[slot], from),
    setValue: (slot: Slot, value: number) => asm.storeValue(R9, 8 * SLOT[slot], value),
    read(from: Register, ...fields: readonly Field[]) {
      const base = Math.min(...fields.map(([, offset]) => offset));
      asm.move(R1, reg(from));
      if (base !== 0) asm.compute('add', R1, base);
      asm.move(R2, layout.wordsType);
      asm.kernelFunction(layout.readOnlyCast);
      for (const [to, offset, size] of fields) {
        if (offset - base + 8 > WINDOW_BYTES)
          throw new Error(`a window does not span ${offset - base} bytes`);
        asm.loadFrom(to, R0, offset - base, size);
      }
    },
    checkAddress(address: Register, otherwise: string) {
      if (!bases) throw new Error('the bases are not known yet');
      asm.move(R5, reg(address));
      asm.constant(R4, bases.directMap);
      asm.compute('subtract', R5, reg(R4));
      asm.compute('right', R5, 20);
      asm.jumpIf('equal', R5, 0, otherwise);
      asm.jumpIf('atLeast', R5, Math.ceil(bases.frameEnd / 256), otherwise);
    },
  });
}
