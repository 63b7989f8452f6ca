import { parseArgs } from 'node:util';
import { createExecutor } from './create-executor.ts';
import { createJournal } from './journal.ts';
import type { Limits } from './limits.ts';
import { openLinuxKernel } from './linux/kernel.ts';
import { parseLimits } from './parse-limits.ts';
import { readText } from './procfs/read-file.ts';
import { failure, success, type Result } from './result.ts';
import type { FrameServer } from './wire/frame-server.ts';
import { serveExecutor } from './server.ts';

const usage = 'node executor/main.ts --limits FILE --socket PATH [--journal FILE] [--root /]';
const limitsBytesMax = 1_048_576;
const exitMisuse = 2;

interface Arguments {
  readonly limits: string;
  readonly socket: string;
  readonly journal?: string;
  readonly root: string;
}

const started = await start();
if (started.ok) {
  const close = () => void started.value.close();
  process.once('SIGTERM', close).once('SIGINT', close);
} else {
  process.stderr.write(`terrace-executor: ${started.code}: ${started.message}\n`);
  process.exitCode = exitMisuse;
}

async function start(): Promise<Result<FrameServer>> {
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
  const kernel = openLinuxKernel({ root: args.value.root, nowNs: () => Math.round(performance.now() * 1e6) });
  if (!kernel.ok) return kernel;

  const executor = createExecutor({
    kernel: kernel.value,
    limits: limits.value,
    journal: createJournal({ path, bytesMax: limits.value.journal.bytesMax }),
    clock: { nowMs: () => Date.now() },
    warn: ({ code, message }) => process.stderr.write(`terrace-executor: ${code}: ${message}\n`),
  });
  // Group and others get what `serveExecutor` grants, not a moment of more.
  process.umask(0o117);
  const server = await serveExecutor({ executor, socketPath: args.value.socket });
  if (!server.ok) {
    await executor.close();
    return server;
  }
  process.stderr.write(
    `terrace-executor: ready at ${args.value.socket} with the limits of ${args.value.limits}\n`,
  );
  return success({
    async close() {
      await server.value.close();
      await executor.close();
    },
  });
}

function readArguments(): Result<Arguments> {
  try {
    const { values } = parseArgs({
      options: {
        limits: { type: 'string' },
        socket: { type: 'string' },
        journal: { type: 'string' },
        root: { type: 'string', default: '/' },
      },
    });
    const { limits, socket, journal, root } = values;
    if (limits === undefined || socket === undefined) return failure('arguments-missing', usage);
    return success({ limits, socket, root, ...(journal !== undefined && { journal }) });
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
    return failure('limits-malformed', `${path}: ${(error as Error).message}`);
  }
  const limits = parseLimits(json);
  return limits.ok ? limits : failure(limits.code, `${path}: ${limits.message}`);
}
