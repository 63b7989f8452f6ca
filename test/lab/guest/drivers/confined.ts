import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { connectToLauncher } from '../../../../executor/launch/client.ts';
import type { Driver } from '../driver.ts';
import {
  FOLDER,
  hostGroups,
  hostStatuses,
  readNumber,
  RUNTIME,
  startLauncher,
  startRuntime,
  STRANGER,
  until,
} from '../launcher-context.ts';
import type { Reporter } from '../reporter.ts';
import { demand } from '../services.ts';

const MIB = 2 ** 20;
const PEAK_POLL_MS = 20;
/** Status fields of capability sets. */
const CAPABILITIES = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'];

type Runtime = ReturnType<typeof startRuntime>;

export const run: Driver = async ({ parameters }, report) => {
  const { memoryMib = 0, pidsMax = 0, stepMib = 0 } = parameters;
  writeFileSync('/sys/fs/cgroup/cgroup.subtree_control', '+pids');
  const cgroup = {
    cgroup: { parent: '/sys/fs/cgroup/terrace', memoryBytesMax: memoryMib * MIB, pidsMax },
  };
  const first = await startLauncher(FOLDER, cgroup);
  const runtime = startRuntime(first.socket, RUNTIME);
  report.fact('heat.moves', Number((await runtime.ask('heat')).moves));
  await judgeHost(report, runtime);
  judgeStranger(report, first.socket);
  await judgeHunger(report, runtime, stepMib);

  await runtime.ask('spin');
  report.fact('spinning.processes', hostStatuses().length);
  await runtime.end('SIGKILL');
  await until(() => hostGroups().length === 0);
  reportLeft(report, 'runtimeKilled');

  const next = startRuntime(first.socket, RUNTIME);
  await next.ask('spin');
  report.fact('again.processes', hostStatuses().length);
  await first.end('SIGKILL');
  await until(() => hostStatuses().length === 0);
  report.fact('launcherKilled.processes', hostStatuses().length);
  report.fact('launcherKilled.cgroups', hostGroups().length);
  await next.end('SIGKILL');

  const second = await startLauncher(FOLDER, cgroup);
  reportLeft(report, 'launcherRestarted');
  await judgeReport(report, 'beltsHeld', second.socket);
  await second.end('SIGTERM');
  reportLeft(report, 'launcherEnded');
  report.fact('socket.left', Number(existsSync(second.socket)));

  const third = await startLauncher(FOLDER, {});
  await judgeReport(report, 'cgroupAbsent.beltsHeld', third.socket);
  await third.end('SIGTERM');
};

/** The one host there is, as the kernel sees it; and what the runtime itself may. */
async function judgeHost(report: Reporter, runtime: Runtime): Promise<void> {
  const hosts = hostStatuses();
  report.fact('heat.host.processes', hosts.length);
  const [status = new Map<string, string>()] = hosts;
  const uid = status.get('Uid')?.split('\t') ?? [];
  const gid = status.get('Gid')?.split('\t') ?? [];
  report.fact('heat.host.uid', Number(uid[0]));
  report.fact('heat.host.otherIds', [...uid, ...gid].filter((id) => id !== uid[0]).length);
  report.fact('heat.host.groups', (status.get('Groups') ?? '').trim().length);
  const zero = /^0+$/;
  report.fact(
    'heat.host.capabilities',
    CAPABILITIES.filter((set) => !zero.test(status.get(set) ?? '')).length,
  );
  report.fact('heat.host.noNewPrivileges', Number(status.get('NoNewPrivs')));
  report.fact('heat.host.seccomp', Number(status.get('Seccomp')));
  const [group = ''] = hostGroups();
  report.fact('heat.host.memoryMib', readNumber(group, 'memory.max') / MIB);
  report.fact('heat.host.pidsMax', readNumber(group, 'pids.max'));
  report.fact('heat.host.pids', readNumber(group, 'pids.current'));
  report.note('the host', { memoryMib: readNumber(group, 'memory.current') / MIB });

  const { text } = await runtime.ask('capabilities');
  report.fact('runtime.capabilities', Number(!zero.test(String(text))));
  const { may } = await runtime.ask(`signal ${status.get('Pid')}`);
  report.fact('runtime.maySignalHost', Number(may));
}

/** Somebody else finds no way in, though in the runtime's group. */
function judgeStranger(report: Reporter, socket: string): void {
  const attempt = `
    import { connectToLauncher } from '/terrace/executor/launch/client.ts';
    const answer = await connectToLauncher('${socket}');
    process.exit(!answer.ok && answer.code === 'permission-missing' ? 9 : 1);`;
  const args = ['--input-type=module', '--eval', attempt];
  const { status } = spawnSync(process.execPath, args, {
    ...STRANGER,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  report.fact('stranger.refused', Number(status === 9));
}

async function judgeHunger(report: Reporter, runtime: Runtime, stepMib: number): Promise<void> {
  let peak = 0;
  const watch = setInterval(() => {
    for (const group of hostGroups()) peak = Math.max(peak, readNumber(group, 'memory.peak'));
  }, PEAK_POLL_MS);
  const { epoch, code, message, fresh, other } = await runtime.ask(`hungry ${stepMib}`);
  clearInterval(watch);
  report.note('hungry', { code, message });
  report.fact('hungry.epochs', Number(epoch));
  report.fact('hungry.failed', Number(code === 'host-failed'));
  report.fact('hungry.saidWhy', Number(String(message).includes('the memory that its cgroup allows')));
  report.fact('hungry.peakMib', peak / MIB);
  report.fact('hungry.fresh', Number(fresh));
  report.fact('hungry.otherStands', Number(other));
}

/** What is still there of hosts; the launcher's own socket is no host's. */
function reportLeft(report: Reporter, after: string): void {
  const files = existsSync(FOLDER) ? readdirSync(FOLDER).filter((name) => name.startsWith('host-')) : [];
  report.fact(`${after}.processes`, hostStatuses().length);
  report.fact(`${after}.cgroups`, hostGroups().length);
  report.fact(`${after}.files`, files.length);
}

async function judgeReport(report: Reporter, fact: string, socket: string): Promise<void> {
  const connection = demand(await connectToLauncher(socket));
  const { report: held } = demand(await connection.start());
  report.note('belts', { ...held });
  report.fact(fact, held.held.length);
  if (held.missing.some(({ belt, why }) => belt === 'cgroup' && why !== ''))
    report.fact('cgroupAbsent.reported', 1);
  connection.close();
}
