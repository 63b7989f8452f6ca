import type { Exports, Memory } from './engine.ts';
import { fuelOf, setFuel } from './metered.ts';
import type { Driver } from './watch.ts';

const PAGE_BYTES = 65_536;

export const plainDriver: Driver = { refuel() {}, burnt: () => 0n, next: (exports) => exports };

/** Gives each call of a metered module that fuel. */
export function giving(fuel: bigint | ((call: number) => bigint)): Driver {
  const fuelFor = typeof fuel === 'bigint' ? () => fuel : fuel;
  return {
    refuel: (exports, call) => setFuel(exports, fuelFor(call)),
    burnt(exports, call) {
      const left = fuelOf(exports);
      return left < 0n ? 'exhausted' : fuelFor(call) - left;
    },
    next: (exports) => exports,
  };
}

/** Carries on in a fresh instance after each call, as from a checkpoint: with memory and words alone. */
export function moving(driver: Driver, words: number): Driver {
  return {
    ...driver,
    next(exports, instantiateAgain) {
      const fresh = instantiateAgain();
      copyMemory(exports['memory'] as Memory, fresh['memory'] as Memory);
      for (let word = 0; word < words; word++)
        callExport(fresh, `terrace:set${word}`, callExport(exports, `terrace:get${word}`));
      return fresh;
    },
  };
}

function copyMemory(from: Memory, to: Memory): void {
  to.grow((from.buffer.byteLength - to.buffer.byteLength) / PAGE_BYTES);
  new Uint8Array(to.buffer).set(new Uint8Array(from.buffer));
}

function callExport(exports: Exports, name: string, ...values: unknown[]): unknown {
  return (exports[name] as (...values: unknown[]) => unknown)(...values);
}
