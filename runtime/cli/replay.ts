import type { Command } from 'commander';
import { failure, type Failure, type Result } from '../../executor/result.ts';
import { openReplay, type Replay, type ReplayedStep } from '../policy/recording/replay.ts';
import type { Answer } from '../policy/recording/recorder.ts';
import type { Terminal } from './terminal.ts';

/** `terrace replay`: what a policy was asked and answered, once more in the same sandbox, compared bit by bit. */
export function addReplayVerb(program: Command, terminal: Terminal): void {
  program
    .command('replay')
    .description('ask a policy again what a recording says it was asked, and compare its answers')
    .argument('<file>', 'a recording (.trec), as --record writes it')
    .option('--json', 'print one line of JSON for each request and nothing else')
    .action(async (file: string, flags: { readonly json?: true }) => {
      const failed = await replayFile(file, flags.json === true, terminal);
      if (failed) terminal.fail(failed);
    });
}

async function replayFile(file: string, json: boolean, terminal: Terminal): Promise<Failure | undefined> {
  const replay = await openReplay(file);
  if (!replay.ok) return replay;
  if (!json) terminal.out(describeStart(replay.value));
  const tally = await replaySteps(replay.value, (step) =>
    terminal.out(json ? `${JSON.stringify(step)}\n` : `${describeStep(step)}\n`),
  );
  await replay.value.close();
  if (!tally.ok) return tally;
  const { steps, differing } = tally.value;
  if (differing > 0)
    return failure(
      'replay-differs',
      `${differing} of ${steps} requests were answered in another way than recorded`,
    );
  if (!json) terminal.out(`${steps} requests, each answered bit for bit as recorded\n`);
  return undefined;
}

async function replaySteps(
  replay: Replay,
  show: (step: ReplayedStep) => void,
): Promise<Result<{ steps: number; differing: number }>> {
  let [steps, differing] = [0, 0];
  for (;;) {
    const step = await replay.step();
    if (!step.ok) return step;
    if (step.value === undefined) return { ok: true, value: { steps, differing } };
    show(step.value);
    steps++;
    if (step.value.recorded !== undefined && !step.value.isSame) differing++;
  }
}

function describeStart({ start, fromCheckpoint }: Replay): string {
  const from = fromCheckpoint ? 'from a checkpoint' : 'from its start';
  const foreign = start.node === process.version ? '' : `; recorded on Node ${start.node}`;
  return `${start.name} ${start.version}, sha256 ${start.digest}, ${from}${foreign}\n`;
}

function describeStep({ request, epoch, recorded, replayed, isSame }: ReplayedStep): string {
  const what = request === 'epoch' ? `epoch ${epoch}` : request;
  if (recorded === undefined) return `${what}: no answer was recorded; now ${describeAnswer(replayed)}`;
  if (isSame) return `${what}: as recorded, ${describeAnswer(replayed)}`;
  return `${what}: DIFFERS: ${describeAnswer(recorded)} was recorded, now ${describeAnswer(replayed)}`;
}

const STATUS_NAMES = ['ok', 'trapped', 'refused', 'invalid', 'unreadable', 'out of fuel'];

function describeAnswer({ status, fuel, hash }: Answer): string {
  if (typeof status === 'string') return status;
  return `${STATUS_NAMES[status] ?? status}, ${fuel} fuel, answer ${hash.slice(0, 12)}`;
}
