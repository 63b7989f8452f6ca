import { readReport } from '../confinement.ts';
import type { ConfinementReport } from '../confinement.ts';
import { failure, success, type Result } from '../result.ts';
import { ID_NONE, isCount, isFields, readId } from '../wire/envelope.ts';

/** What may be asked. A host is named by the number it was given; nothing says what a host gets. */
export type LaunchRequest =
  | { readonly kind: 'start' }
  /** The runtime has opened its ends: their names can go. */
  | { readonly kind: 'opened'; readonly host: number }
  | { readonly kind: 'kill'; readonly host: number };

export type LaunchFault =
  | 'request-unknown'
  | 'frame-too-large'
  | 'launcher-busy'
  | 'launcher-unreachable'
  | 'permission-missing'
  | 'hosts-exhausted'
  | 'host-unknown'
  | 'host-failed';

const faults: Record<LaunchFault, true> = {
  'request-unknown': true,
  'frame-too-large': true,
  'launcher-busy': true,
  'launcher-unreachable': true,
  'permission-missing': true,
  'hosts-exhausted': true,
  'host-unknown': true,
  'host-failed': true,
};
export const LAUNCH_FAULTS: ReadonlySet<LaunchFault> = new Set(Object.keys(faults) as LaunchFault[]);

/** Where the runtime opens its ends; they have names only until it says `opened`. */
export interface HostPaths {
  readonly requests: string;
  readonly replies: string;
  readonly diagnostics: string;
  readonly shared: string;
}

export interface StartedHost {
  readonly host: number;
  readonly paths: HostPaths;
  readonly report: ConfinementReport;
}

/** How a host ended. Sent without being asked, once for each host that was started. */
export interface HostExit {
  readonly host: number;
  readonly code: number | null;
  readonly signal: string | null;
  /** The kernel ended something in its cgroup for want of memory. */
  readonly outOfMemory: boolean;
}

export const HOST_EXITED = 'exited';

export function readRequest(message: unknown): Result<LaunchRequest, 'request-unknown'> {
  if (!isFields(message) || readId(message) === ID_NONE) return unknown();
  const { kind, host, id: _, ...rest } = message;
  if (Object.keys(rest).length > 0) return unknown();
  if (kind === 'start' && host === undefined) return success({ kind });
  if ((kind === 'opened' || kind === 'kill') && isCount(host)) return success({ kind, host });
  return unknown();
}

function unknown(): Result<never, 'request-unknown'> {
  return failure(
    'request-unknown',
    'the requests are start, and opened and kill with a host; use both ends of one Terrace version',
  );
}

export function readStarted(value: unknown): StartedHost | undefined {
  if (!isFields(value) || !isCount(value.host) || !isFields(value.paths)) return undefined;
  const { requests, replies, diagnostics, shared } = value.paths;
  if (typeof requests !== 'string' || typeof replies !== 'string') return undefined;
  if (typeof diagnostics !== 'string' || typeof shared !== 'string') return undefined;
  const report = readReport(value.report);
  return report && { host: value.host, paths: { requests, replies, diagnostics, shared }, report };
}

export function readExit(message: unknown): HostExit | undefined {
  if (!isFields(message) || message.event !== HOST_EXITED || !isCount(message.host)) return undefined;
  const { host, code, signal, outOfMemory } = message;
  if (code !== null && !isCount(code)) return undefined;
  if (signal !== null && typeof signal !== 'string') return undefined;
  return typeof outOfMemory === 'boolean' ? { host, code, signal, outOfMemory } : undefined;
}
