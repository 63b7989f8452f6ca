import { moveVirtual } from '../calibration.ts';
import type { Driver } from '../driver.ts';
import { runHalves } from '../halves.ts';

/** The whole loop with process knowledge: writes per virtual page, plans of virtual pages. */
export const run: Driver = (scenario, report) =>
  runHalves(scenario, report, { sensor: [], move: moveVirtual, round: 'round' });
