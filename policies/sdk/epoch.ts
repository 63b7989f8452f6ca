import { Events } from './events';
import { Metric, MetricId } from './metric';
import { Place } from './place';

/** One round of observing and deciding. */
export class Epoch {
  /** Grows by one per epoch. */
  number: u32 = 0;
  lengthMs: u32 = 0;
  /** Highest region index + 1. Grows and shrinks; indices below it may be holes (0 pages). */
  regions: i32 = 0;
  /** Highest owner ordinal + 1. */
  owners: i32 = 0;
  /** Accesses that one sample stands for. */
  samplingPeriod: u32 = 1;
  /** In this epoch's numbering. */
  places: Place[] = [];
  metrics: Metric[] = [];
  events: Events = new Events(new Uint8Array(0), new Uint32Array(0), new Uint32Array(0));

  /** A metric's value, or `fallback` where none was measured. */
  metric(id: MetricId, subject: i32, fallback: f64): f64 {
    for (let i = 0; i < this.metrics.length; i++) {
      const metric = this.metrics[i];
      if (metric.id == <u16>id && metric.subject == <u16>subject) return metric.value;
    }
    return fallback;
  }
}
