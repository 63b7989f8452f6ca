import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { failure, type Failure } from '../../executor/result.ts';
import { configBytesMax } from '../limits.ts';
import type { Config } from './config.ts';
import { refuse, type ConfigResult } from './faults.ts';
import { parseConfig, type ParseFault } from './parse-config.ts';

export type ReadFault = ParseFault | 'config-unreadable' | 'config-too-large';

/** Reads and checks a configuration file. */
export function readConfig(path: string): ConfigResult<Config, ReadFault> {
  const text = readText(path);
  return typeof text === 'string' ? parseConfig(text, path) : refuse([text]);
}

function readText(path: string): string | Failure<ReadFault> {
  let descriptor: number | undefined;
  try {
    // A FIFO must not hold up whoever reads.
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return failure('config-unreadable', `${path} is no file: name a configuration file`);
    if (stat.size > configBytesMax)
      return failure('config-too-large', `${path} takes ${stat.size} bytes; ${configBytesMax} are allowed`);
    return decode(readFileSync(descriptor)) ?? failure('config-malformed', `${path} is not in UTF-8`);
  } catch (error) {
    return failure('config-unreadable', `the configuration cannot be read: ${(error as Error).message}`);
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
