import fc from 'fast-check';
import { expect, test } from 'vitest';
import { repetitions, timeoutMs } from '../../proof.ts';
import { assemble, meter, run } from './metered-text.ts';
import type { Running } from './metered-text.ts';
import { TICK_INSTRUCTIONS, writeProgram } from './program-text.ts';

const choices = fc.array(fc.nat(255), { minLength: 10, maxLength: 400 });

/** Everything that a program leaves behind. */
function stateOf({ exports }: Running): readonly unknown[] {
  const read = (name: string): number => (exports[name] as { readonly value: number }).value;
  const memory = exports['memory'] as { readonly buffer: ArrayBuffer };
  return [read('left'), read('ticks'), Buffer.from(memory.buffer).toString('latin1')];
}

/** What must have been paid: the instructions of all ticks but those of a small function that we called ourselves. */
function paidAtLeast({ exports }: Running): number {
  return (exports['ticks'] as { readonly value: number }).value * TICK_INSTRUCTIONS - 128;
}

test(
  'a program does and leaves the same metered, pays for all it runs, and needs exactly what it burnt',
  () => {
    fc.assert(
      fc.property(choices, fc.nat(3), (chosen, entry) => {
        const binary = assemble(writeProgram(chosen));
        const [plain, metered] = [run(binary), meter(binary)];
        const before = metered.fuel.value;
        const ending = metered.call(`f${entry}`, 5);
        expect(ending).toEqual(plain.call(`f${entry}`, 5));
        expect(stateOf(metered)).toEqual(stateOf(plain));
        const hungry = meter(binary, { fuelAtStart: 300n });
        hungry.call(`f${entry}`, 5);
        expect(paidAtLeast(hungry)).toBeLessThanOrEqual(300);
        if ('trap' in ending) return;
        const burnt = before - metered.fuel.value;
        expect(paidAtLeast(metered)).toBeLessThanOrEqual(Number(burnt));
        if (burnt === 0n) return;
        expect(meter(binary, { fuelAtStart: burnt }).call(`f${entry}`, 5)).toEqual(ending);
        const short = meter(binary, { fuelAtStart: burnt - 1n });
        expect(short.call(`f${entry}`, 5)).toEqual({ trap: 'unreachable' });
        expect(short.fuel.value).toBeLessThan(0n);
      }),
      { numRuns: repetitions({ slice: 150, full: 20_000 }) },
    );
  },
  timeoutMs(60_000),
);
