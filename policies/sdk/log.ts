import { logLine } from './abi';

/** Lines for the operator: at most 16 an epoch, 256 bytes each; the rest is dropped and counted. */
export namespace log {
  export function debug(message: string): void {
    logLine(0, message);
  }
  export function info(message: string): void {
    logLine(1, message);
  }
  export function warning(message: string): void {
    logLine(2, message);
  }
  export function error(message: string): void {
    logLine(3, message);
  }
}
