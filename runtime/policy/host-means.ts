import {
  epochDeadlineMsDefault,
  fuelPerCallDefault,
  fuelPerEpochDefault,
  fuelPerRegionDefault,
  hostMemoryPagesDefault,
  loadDeadlineMsDefault,
} from '../limits.ts';
import { systemTimer } from './host-process.ts';
import type { Timer } from './host-process.ts';
import { launchChild } from './launch.ts';
import type { Launch } from './launch.ts';
import type { HostLimits, HostMeans } from './running-host.ts';

export interface MeansOptions {
  readonly limits?: Partial<HostLimits>;
  readonly launch?: Launch;
  readonly timer?: Timer;
}

/** What the operator left open, filled in. */
export function fillMeans({ limits, launch = launchChild(), timer = systemTimer }: MeansOptions): HostMeans {
  return {
    limits: {
      memoryPagesMax: hostMemoryPagesDefault,
      loadDeadlineMs: loadDeadlineMsDefault,
      epochDeadlineMs: epochDeadlineMsDefault,
      fuelPerEpoch: fuelPerEpochDefault,
      fuelPerRegion: fuelPerRegionDefault,
      fuelPerCall: fuelPerCallDefault,
      ...limits,
    },
    launch,
    timer,
  };
}
