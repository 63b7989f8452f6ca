/**
 * The stage: a short-lived process that holds itself as asked and then becomes a policy host.
 *
 *     node executor/confine.ts '<Confinement as JSON>' -- NODE [FLAG…] HOST
 *
 * Descriptors: 0 requests, 1 replies, 2 diagnostics, 3 the shared file, 4 where one line of JSON tells what
 * holds. All from 4 on end with the stage, so that the reader of 4 sees the end of file once the host runs.
 */
import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs';
import type { Confinement, ConfinementReport } from './confinement.ts';
import { holdHost } from './confine/hold.ts';
import { readOwnImage } from './confine/own-image.ts';
import { parseConfinement } from './confine/parse-confinement.ts';
import { passOnDescriptors } from './linux/descriptors.ts';
import { becomeProgram, endProcess } from './linux/execve.ts';
import { failure } from './result.ts';
import type { Failure } from './result.ts';

const usage = "node executor/confine.ts '<confinement as JSON>' -- NODE [FLAG…] HOST";
const diagnosticsDescriptor = 2;
const reportDescriptor = 4;
const exitMisuse = 2;

const failed = confine();
writeSync(diagnosticsDescriptor, `terrace: ${failed.code}: ${failed.message}\n`);
endProcess(exitMisuse);

/** Returns only where no host was started. */
function confine(): Failure {
  const [text, dashes, ...command] = process.argv.slice(2);
  if (text === undefined || dashes !== '--' || command.length === 0) return failure('misuse', usage);
  const asked = parseConfinement(text);
  if (!asked.ok) return asked;
  const absent = asked.value.readable.find((path) => !existsSync(path));
  if (absent !== undefined) return failure('file-missing', `there is no ${absent} for a host to read`);
  const uid = process.getuid!();
  const image = readOwnImage(process.execPath);
  const pass = drawPass();
  const passed = passOnDescriptors(reportDescriptor);
  if (passed !== 0)
    return failure(
      'descriptors-missing',
      `descriptors 0 to 3 cannot be handed on (errno ${passed}): open them, on Linux 5.11 or later`,
    );
  const report = holdHost(asked.value, { pid: process.pid, uid, image, pass });
  writeSync(reportDescriptor, `${JSON.stringify(report)}\n`);
  const lacking = describeLacking(asked.value, report);
  if (lacking !== undefined) return failure('belt-missing', lacking);
  const errno = becomeProgram(command, pass);
  return failure('host-unstartable', `${command[0]} cannot be executed: errno ${errno}`);
}

function describeLacking({ required = [] }: Confinement, { missing }: ConfinementReport): string | undefined {
  const lacking = missing.filter(({ belt }) => required.includes(belt));
  if (lacking.length === 0) return undefined;
  const named = lacking.map(({ belt, why }) => `${belt} (${why})`).join(', ');
  return `no host runs without what is required: ${named}; provide it or require less`;
}

function drawPass(): bigint[] {
  const words = new BigUint64Array(3);
  const descriptor = openSync('/dev/urandom', 'r');
  readSync(descriptor, words);
  closeSync(descriptor);
  return [...words];
}
