import { moveFrames } from '../calibration.ts';
import type { Driver } from '../driver.ts';
import { runHalves } from '../halves.ts';

/** Without the nodes that no plan may use: reading their frames costs time and tells nothing. */
const SENSOR = ['--source', 'idle-pages', '--nodes', '0,1'];

/** The whole loop without process knowledge: idle bits of the group's frames, plans of frames. */
export const run: Driver = (scenario, report) =>
  runHalves(scenario, report, {
    sensor: SENSOR,
    move: moveFrames,
    round: scenario.parameters['mixed'] ? 'mixed' : 'round',
  });
