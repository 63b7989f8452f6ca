import { parseArgs } from 'node:util';
import { createExecutor } from './create-executor.ts';
import { createJournal } from './journal.ts';
import type { Limits } from './limits.ts';
import type { Kernel } from './kernel.ts';
import { openLinuxKernel } from './linux/kernel.ts';
import { openMapperFinder } from './linux/open-mapper-finder.ts';
import { openFrameMover } from './linux/move-phys-pages.ts';
import { oneLine } from './one-line.ts';
import { parseLimits } from './parse-limits.ts';
import { readText } from './procfs/read-file.ts';
import { failure, success, type Failure, type Result } from './result.ts';
import { serveExecutor } from './server.ts';
import { endWhenTold } from './wire/lifeline.ts';

const usage =
  'node executor/main.ts --limits FILE --socket PATH [--journal FILE] [--root /] [--until-stdin-ends]';
const limitsBytesMax = 1_048_576;
const exitMisuse = 2;

interface Arguments {
  readonly limits: string;
  readonly socket: string;
  readonly journal?: string;
  readonly root: string;
  readonly untilStdinEnds: boolean;
}

const started = await start();
if (!started.ok) {
  warn(started);
  process.exitCode = exitMisuse;
}

async function start(): Promise<Result<true>> {
  const args = readArguments();
  if (!args.ok) return args;
  const limits = readLimits(args.value.limits);
  if (!limits.ok) return limits;
  const path = args.value.journal ?? limits.value.journal.path;
  if (path === undefined)
    return failure(
      'journal-missing',
      'an executor keeps a journal; give --journal FILE or journal.path in the limits file',
    );
  const kernel = openKernel(args.value.root, limits.value);
  if (!kernel.ok) return kernel;

  const executor = createExecutor({
    kernel: kernel.value,
    limits: limits.value,
    journal: createJournal({ path, bytesMax: limits.value.journal.bytesMax }),
    clock: { nowMs: () => Date.now() },
    warn,
  });
  // Group and others get what `serveExecutor` grants, not a moment of more.
  process.umask(0o117);
  const server = await serveExecutor({ executor, socketPath: args.value.socket });
  if (!server.ok) {
    await executor.close();
    return server;
  }
  const end = async () => {
    await server.value.close();
    await executor.close();
  };
  endWhenTold(end, process, args.value.untilStdinEnds ? process.stdin : undefined);
  process.stderr.write(
    `terrace-executor: ready at ${args.value.socket} with the limits of ${args.value.limits}\n`,
  );
  return success(true);
}

function openKernel(root: string, { backends, movePhysPages, walkReverseMap }: Limits): Result<Kernel> {
  const nowNs = () => Math.round(performance.now() * 1e6);
  const mover =
    movePhysPages && backends.has('move_phys_pages')
      ? openFrameMover(movePhysPages.number, nowNs)
      : success(undefined);
  if (!mover.ok) return mover;
  const mappers = openMapperFinder(root, walkReverseMap, warn);
  if (!mappers.ok) return mappers;
  return openLinuxKernel({
    root,
    nowNs,
    mappers: mappers.value,
    ...(mover.value && { frameMover: mover.value }),
  });
}

function warn({ code, message }: Failure): void {
  process.stderr.write(`terrace-executor: ${code}: ${message}\n`);
}

function readArguments(): Result<Arguments> {
  try {
    const { values } = parseArgs({
      options: {
        limits: { type: 'string' },
        socket: { type: 'string' },
        journal: { type: 'string' },
        root: { type: 'string', default: '/' },
        'until-stdin-ends': { type: 'boolean', default: false },
      },
    });
    const { limits, socket, journal, root, 'until-stdin-ends': untilStdinEnds } = values;
    if (limits === undefined || socket === undefined) return failure('arguments-missing', usage);
    return success({ limits, socket, root, untilStdinEnds, ...(journal !== undefined && { journal }) });
  } catch (error) {
    return failure('arguments-unknown', `${(error as Error).message.split('.')[0]}; ${usage}`);
  }
}

function readLimits(path: string): Result<Limits> {
  const text = readText(path, limitsBytesMax);
  if (!text.ok) return text;
  let json: unknown;
  try {
    json = JSON.parse(text.value);
  } catch (error) {
    return failure('limits-malformed', `${path}: ${oneLine((error as Error).message)}`);
  }
  const limits = parseLimits(json);
  return limits.ok ? limits : failure(limits.code, `${path}: ${limits.message}`);
}
