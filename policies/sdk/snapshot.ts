import { Columns } from './columns';
import { Epoch } from './epoch';
import { Events } from './events';
import { Metric, MetricId } from './metric';
import { Place } from './place';

/**
 * Everything known in one epoch. Columns are indexed by region and `regions` long; only those that your
 * source names are filled, and none of them if you export `observe`. They hold until `evaluate` returns.
 */
@final
export class Snapshot extends Columns {
  constructor(public epoch: Epoch) {
    super();
  }

  get number(): u32 {
    return this.epoch.number;
  }
  get lengthMs(): u32 {
    return this.epoch.lengthMs;
  }
  /** Highest region index + 1. */
  get regions(): i32 {
    return this.epoch.regions;
  }
  /** Highest owner ordinal + 1. */
  get owners(): i32 {
    return this.epoch.owners;
  }
  /** Accesses that one sample stands for. */
  get samplingPeriod(): u32 {
    return this.epoch.samplingPeriod;
  }
  get places(): Place[] {
    return this.epoch.places;
  }
  get metrics(): Metric[] {
    return this.epoch.metrics;
  }
  get events(): Events {
    return this.epoch.events;
  }
  /** A metric's value, or `fallback` where none was measured. */
  metric(id: MetricId, subject: i32, fallback: f64): f64 {
    return this.epoch.metric(id, subject, fallback);
  }
}
