import { FUEL_EXPORT, meterModule } from '../../../../runtime/policy/meter/meter.ts';
import { isValid } from './engine.ts';
import type { Exports } from './engine.ts';
import type { Prepare } from './stage.ts';

/** As good as unbounded: it lasts for decades. */
export const FUEL_UNBOUNDED = 2n ** 63n - 1n;

/** As it stands. */
export const plain: Prepare = (module) => ({ ok: true, value: { module, refuel() {} } });

/** As a policy's host would run it, were its fuel not bounded: valid for the engine first, then rewritten. */
export const metered: Prepare = (module) => {
  if (!isValid(module)) return { ok: false, code: 'module-invalid', message: 'the engine refuses it' };
  const answer = meterModule(Uint8Array.from(module), { fuelAtStart: FUEL_UNBOUNDED });
  if (!answer.ok) return answer;
  return {
    ok: true,
    value: { module: answer.value.binary, refuel: (exports) => setFuel(exports, FUEL_UNBOUNDED) },
  };
};

export function setFuel(exports: Exports, fuel: bigint): void {
  (exports[FUEL_EXPORT] as { value: bigint }).value = fuel;
}

export function fuelOf(exports: Exports): bigint {
  return (exports[FUEL_EXPORT] as { value: bigint }).value;
}
