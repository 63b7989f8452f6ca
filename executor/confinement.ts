/** How a policy host is held: asked by whoever launches it, carried out by `executor/confine.ts`. */
export interface Confinement {
  /** Files and folders the host may read; everything else is shut. */
  readonly readable: readonly string[];
  /** Files it may execute: Node and the dynamic loader. */
  readonly executable: readonly string[];
  /** A user and a group of its own; needs root. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Folder of a cgroup (v2) that the host enters, which bounds memory and processes; needs root. */
  readonly cgroup?: string;
  readonly descriptorsMax: number;
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
}
