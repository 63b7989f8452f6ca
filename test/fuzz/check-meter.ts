import { meterModule } from '../../runtime/policy/meter/meter.ts';
import { must, refusalCode } from './expect.ts';

/**
 * Meters a module whatever it is: never an exception, and what comes of a valid module is valid and
 * known for what it is. Answers `invalid` where V8 does not take the original, else `metered` or the code.
 */
export function checkMeter(original: Uint8Array<ArrayBuffer>, memoryPagesMax?: number): string {
  const metered = meterModule(original, memoryPagesMax === undefined ? {} : { memoryPagesMax });
  const code = metered.ok ? 'metered' : refusalCode(metered);
  if (!WebAssembly.validate(original)) return 'invalid';
  if (!metered.ok) return code;
  const { binary } = metered.value;
  must(WebAssembly.validate(binary), 'a valid module that is none any more when metered');
  const again = meterModule(binary);
  must(!again.ok && again.code === 'module-forbidden', 'a metered module that is metered again');
  return code;
}
