import { serveFrames } from '../../executor/wire/frame-server.ts';
import { endWhenTold } from '../../executor/wire/lifeline.ts';
import { failure, success, type Result } from '../../executor/result.ts';
import { createRandom } from '../simulate/random.ts';
import { readArguments, type SensorArguments } from './sensor-arguments.ts';
import { openFrameFiles } from './sensor-idle/frame-files.ts';
import { createIdlePageSource } from './sensor-idle-pages.ts';
import { isNext } from './sensor-messages.ts';
import { createSoftDirtySource } from './sensor-soft-dirty.ts';
import type { TelemetrySource } from './source.ts';

const EXIT_MISUSE = 2;

const started = await start();
if (!started.ok) {
  process.stderr.write(`terrace-sensor: ${started.code}: ${started.message}\n`);
  process.exitCode = EXIT_MISUSE;
}

async function start(): Promise<Result<true>> {
  const args = readArguments();
  if (!args.ok) return args;
  const source = openSource(args.value);
  if (!source.ok) return source;
  // Group and others get what `serveFrames` grants, not a moment of more.
  process.umask(0o117);
  const server = await serve(args.value.socket, source.value);
  if (!server.ok) return server;
  const end = async () => {
    await server.value.close();
    await source.value.close();
  };
  endWhenTold(end, process, args.value.untilStdinEnds ? process.stdin : undefined);
  process.stderr.write(`terrace-sensor: ready at ${args.value.socket}\n`);
  return success(true);
}

function openSource(args: SensorArguments): Result<TelemetrySource> {
  const nowMs = () => performance.now();
  if (args.source === 'soft-dirty') return success(createSoftDirtySource({ ...args, nowMs }));
  const memory = openFrameFiles(args.root, args.cgroup);
  if (!memory.ok) return memory;
  const { uniform } = createRandom(args.seed);
  return success(createIdlePageSource({ ...args, memory: memory.value, nowMs, uniform }));
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
