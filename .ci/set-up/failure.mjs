/** Why set-up stopped, and the exit code of each. Codes are stable: scripts may act on them. */
export const EXIT = {
  'mode-unknown': 2,
  'platform-unsupported': 10,
  'node-too-old': 11,
  'lock-file-stale': 12,
  'registry-unreachable': 13,
  'install-failed': 14,
  'system-package-missing': 15,
  'system-package-failed': 16,
  'bundled-node-missing': 17,
  'bundled-node-broken': 18,
  'build-failed': 19,
};

/** An expected failure; anything else that is thrown is a bug. */
export class SetUpFailure extends Error {
  /**
   * @param {keyof typeof EXIT} code
   * @param {string} message one line that names the next step
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}
