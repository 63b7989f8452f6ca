import type { Readable } from 'node:stream';

/** What of a process hears signals. */
export interface Signals {
  once(signal: 'SIGTERM' | 'SIGINT', heard: () => void): Signals;
}

/**
 * Calls `end` once: at SIGTERM, at SIGINT, or when the lifeline ends, where there is one. That is a pipe whose other
 * end somebody holds who must not be outlived: however he dies, by SIGKILL too, the kernel closes it.
 */
export function endWhenTold(end: () => Promise<unknown>, signals: Signals, lifeline?: Readable): void {
  let told = false;
  function tell(): void {
    if (told) return;
    told = true;
    lifeline?.destroy();
    void end();
  }
  signals.once('SIGTERM', tell).once('SIGINT', tell);
  lifeline?.once('end', tell).once('close', tell).on('error', tell).resume();
}
