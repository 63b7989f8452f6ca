import { isCount, isFields } from './wire/envelope.ts';

/** How a policy host is held: asked by whoever launches it, carried out by `executor/confine.ts`. */
export interface Confinement {
  /**
   * Files, and folders with all below them, that the host may read. Node's own binary, the dynamic loader and
   * the libraries they map are added by the stage, and are all that the host could ever execute.
   */
  readonly readable: readonly string[];
  /** A user and a group of its own; needs root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Folder of a cgroup (v2) that the host enters, which bounds memory and processes; needs root. */
  readonly cgroup?: string;
  readonly descriptorsMax: number;
  /** Belts without which no host is to run; default none. */
  readonly required?: readonly Belt[];
}

/** Each holds by itself; a host is as confined as the belts that hold. */
export const BELTS = [
  'no-new-privileges',
  'capabilities',
  'user',
  'landlock',
  'seccomp',
  'limits',
  'cgroup',
] as const;
export type Belt = (typeof BELTS)[number];

/** What holds and what does not, and why: one line of JSON, written before the host's first instruction. */
export interface ConfinementReport {
  readonly held: readonly Belt[];
  readonly missing: readonly { readonly belt: Belt; readonly why: string }[];
  /** What this kernel's Landlock can refuse grows with its version; present while 'landlock' holds. */
  readonly landlockAbi?: number;
}

export const REPORT_BOUNDS = {
  bytesMax: 8_192,
  /** Why one belt is missing, in characters. */
  reasonLengthMax: 256,
} as const;

/** A report that came from another process, or undefined where it is none. */
export function readReport(value: unknown): ConfinementReport | undefined {
  if (!isFields(value) || !Array.isArray(value.held) || !Array.isArray(value.missing)) return undefined;
  const held = value.held as readonly unknown[];
  const missing = value.missing as readonly unknown[];
  if (held.length > BELTS.length || missing.length > BELTS.length) return undefined;
  if (!held.every(isBelt) || !missing.every(isMissing)) return undefined;
  const { landlockAbi } = value;
  if (landlockAbi !== undefined && !isCount(landlockAbi)) return undefined;
  return {
    held: [...held],
    missing: missing.map(({ belt, why }) => ({ belt, why })),
    ...(landlockAbi !== undefined && { landlockAbi }),
  };
}

function isMissing(value: unknown): value is ConfinementReport['missing'][number] {
  if (!isFields(value) || !isBelt(value.belt) || typeof value.why !== 'string') return false;
  return value.why.length <= REPORT_BOUNDS.reasonLengthMax;
}

function isBelt(value: unknown): value is Belt {
  return BELTS.some((belt) => belt === value);
}
