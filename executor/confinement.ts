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
