import { parseArgs } from 'node:util';
import { serveFrames } from '../../executor/wire/frame-server.ts';
import type { ScopeMembers } from '../../executor/kernel.ts';
import { failure, success, type Result } from '../../executor/result.ts';
import { isNext } from './sensor-messages.ts';
import { createSoftDirtySource, type SoftDirtyOptions } from './sensor-soft-dirty.ts';
import type { TelemetrySource } from './source.ts';

const usage =
  'node runtime/telemetry/sensor-main.ts --socket PATH (--cgroup PATH | --uid UID) [--sampling-period N] [--root /]';
const EXIT_MISUSE = 2;

const started = await start();
if (started.ok) {
  const close = () => void started.value();
  process.once('SIGTERM', close).once('SIGINT', close);
} else {
  process.stderr.write(`terrace-sensor: ${started.code}: ${started.message}\n`);
  process.exitCode = EXIT_MISUSE;
}

async function start(): Promise<Result<() => Promise<void>>> {
  const args = readArguments();
  if (!args.ok) return args;
  const source = createSoftDirtySource({ ...args.value, nowMs: () => performance.now() });
  // Group and others get what `serveFrames` grants, not a moment of more.
  process.umask(0o117);
  const server = await serve(args.value.socket, source);
  if (!server.ok) return server;
  process.stderr.write(`terrace-sensor: ready at ${args.value.socket}\n`);
  return success(async () => {
    await server.value.close();
    await source.close();
  });
}

function serve(socketPath: string, source: TelemetrySource) {
  return serveFrames({
    socketPath,
    answer: async (message) =>
      isNext(message)
        ? source.next()
        : failure('request-unknown', 'a sensor answers the request next and no other'),
  });
}

function readArguments(): Result<Omit<SoftDirtyOptions, 'nowMs'> & { socket: string }> {
  try {
    const { values } = parseArgs({
      options: {
        socket: { type: 'string' },
        cgroup: { type: 'string' },
        uid: { type: 'string' },
        'sampling-period': { type: 'string', default: '1' },
        root: { type: 'string', default: '/' },
      },
    });
    const members = readMembers(values.cgroup, values.uid);
    const samplingPeriod = Number(values['sampling-period']);
    if (values.socket === undefined || !members) return failure('arguments-missing', usage);
    if (!Number.isInteger(samplingPeriod) || samplingPeriod < 1 || samplingPeriod >= 2 ** 32)
      return failure('arguments-invalid', '--sampling-period is a whole number from 1 on');
    return success({ socket: values.socket, members, samplingPeriod, root: values.root });
  } catch (error) {
    return failure('arguments-unknown', `${(error as Error).message.split('.')[0]}; ${usage}`);
  }
}

function readMembers(cgroup: string | undefined, uid: string | undefined): ScopeMembers | undefined {
  if (cgroup?.startsWith('/') && uid === undefined) return { kind: 'cgroup', path: cgroup };
  return uid !== undefined && /^\d+$/.test(uid) && cgroup === undefined
    ? { kind: 'uid', uid: Number(uid) }
    : undefined;
}
