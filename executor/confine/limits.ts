/** Every bound of a host's stage that whoever launches it cannot raise. */
export const CONFINE_BOUNDS = {
  /** Node itself opens about twenty descriptors. */
  descriptorsMin: 32,
  descriptorsMax: 1_024,
  /** Threads of one user that only holds hosts, all of them together; Node starts about ten. */
  threadsOfUserMax: 1_024,
} as const;
