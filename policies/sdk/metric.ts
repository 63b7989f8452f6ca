/** Subject of a metric that speaks of the whole machine. */
export const SUBJECT_MACHINE: u16 = 65535;

/** Known metrics; a later host may send others. */
export enum MetricId {
  /** Cost of moving one base page into a place, ns, as measured. Subject: the place. */
  MoveCostNs = 0,
}

/** A measured scalar. Ignore ids you do not know. */
@final
export class Metric {
  constructor(
    public id: u16,
    /** Index of a place or an owner, or `SUBJECT_MACHINE`. */
    public subject: u16,
    public value: f64,
  ) {}
}
