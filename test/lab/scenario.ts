import type { GuestClock } from './machine.ts';
import type { MachineTopology } from './topology.ts';

/** A number the guest reports, and what it has to be. Bounds are inclusive. */
export interface Expectation {
  readonly fact: string;
  readonly min?: number;
  readonly max?: number;
}

/** A series of stock kernels, or the one of kernel-own/. */
export type KernelName = '6.12' | 'own';

/** What a lab run consists of, as data: the guest gets all of it in /scenario.json. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  /** File in guest/drivers/ that runs it. */
  readonly driver: string;
  /** It runs once on each. */
  readonly kernels: readonly [KernelName, ...KernelName[]];
  readonly kernelArguments: readonly string[];
  readonly topology: MachineTopology;
  readonly clock: GuestClock;
  /** C programs of workloads/. */
  readonly workloads: readonly string[];
  /** Policies of test/fixtures/policies, built into /policies. */
  readonly fixtures?: readonly string[];
  /** The guest has the package as users install it besides, in /package. */
  readonly installed?: boolean;
  /** Name of a built policy in dist/policies. */
  readonly policy?: string;
  /** Its settings. */
  readonly settings?: Readonly<Record<string, number | boolean | string>>;
  /** Contents of the executor's limits file. */
  readonly limits?: unknown;
  readonly parameters: Readonly<Record<string, number>>;
  readonly expectations: readonly Expectation[];
  /** For the whole guest, boot included. */
  readonly timeoutMs: number;
}

export interface Judgement extends Expectation {
  /** Undefined when the guest never reported the fact. */
  readonly value: number | undefined;
  readonly met: boolean;
}

/** Holds what the guest reported against the scenario's expectations; a fact never reported is not met. */
export function judge(
  expectations: readonly Expectation[],
  facts: Readonly<Record<string, number>>,
): readonly Judgement[] {
  return expectations.map((wanted) => {
    const value = facts[wanted.fact];
    const met =
      value !== undefined && value >= (wanted.min ?? -Infinity) && value <= (wanted.max ?? Infinity);
    return { ...wanted, value, met };
  });
}

/** The `{ fact, value }` records of a guest, as one object. */
export function factsOf(records: readonly Record<string, unknown>[]): Record<string, number> {
  const facts: Record<string, number> = {};
  for (const { fact, value } of records)
    if (typeof fact === 'string' && typeof value === 'number') facts[fact] = value;
  return facts;
}
