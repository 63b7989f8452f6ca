import { existsSync } from 'node:fs';
import type { ScopeStatus, SwitchStatus } from '../../../../runtime/control/status.ts';
import type { Decision } from '../../../../runtime/govern/decision.ts';
import type { Scenario } from '../../scenario.ts';
import {
  CONTROL_SOCKET,
  EXECUTOR_SOCKET,
  LAUNCHER_SOCKET,
  launchServices,
  SENSOR_SOCKET,
  startDaemon,
  writeConfig,
  type Daemon,
} from '../daemon-context.ts';
import type { Driver } from '../driver.ts';
import { CGROUP } from '../exact-context.ts';
import { hostGroups, hostStatuses, until } from '../launcher-context.ts';
import { startPulse, type Pulse } from '../pulse.ts';
import type { Reporter } from '../reporter.ts';
import { countProcesses, demand, EXECUTOR, findProcesses, SENSOR } from '../services.ts';

const ROUND_PAUSE_MS = 150;
/** Epochs that are looked at after something happened. */
const AFTER_EPOCHS = 4;

/** What every part of the scenario works with. */
interface Stage {
  readonly scenario: Scenario;
  readonly report: Reporter;
  readonly pulse: Pulse;
  readonly daemon: Daemon;
}

/** What one happening came to. */
interface Happened {
  readonly before: ScopeStatus;
  readonly after: ScopeStatus;
  /** Of the epochs from just before until `AFTER_EPOCHS` after it. */
  readonly epochs: readonly Decision[];
}

export const run: Driver = async (scenario, report) => {
  const { hotPages = 0, coldPages = 0, startNode = 1 } = scenario.parameters;
  const pulse = await startPulse(CGROUP, `map ${startNode} ${hotPages} ${coldPages}`, ROUND_PAUSE_MS);
  writeConfig(scenario, {});
  const launcher = await launchServices(scenario);
  const daemon = await startDaemon();
  const stage = { scenario, report, pulse, daemon };
  await until(() => pulse.hotOnFast === hotPages);
  report.fact('promoted.hotOnFast', pulse.hotOnFast);
  report.fact('processes', countProcesses());

  await judgeSwap(stage, 'byHand', async () => {
    const settings = { halfLife: 8 };
    demand(await daemon.control.switchPolicy({ policy: 'heat', settings }));
  });
  await judgeSwap(stage, 'byFile', async () => {
    writeConfig(scenario, { halfLife: 6 });
  });
  await judgeRefusal(stage, 'worseTried', { policy: '/policies/worse.wasm' });
  await judgeRefusal(stage, 'brittle', {
    ...{ policy: '/policies/heat@brittle.wasm', settings: {}, trialEpochs: 0 },
  });
  await judgeHarm(stage);
  await judgeTrap(stage);
  await judgeDeath(stage, 'executorKilled', EXECUTOR);
  await judgeDeath(stage, 'sensorKilled', SENSOR);

  // Of heat alone: whoever else had one is gone.
  report.fact('settled.hosts', hostStatuses().length);
  report.fact('daemonEnded.status', Number(await daemon.end('SIGTERM')));
  await until(() => hostStatuses().length === 0 && hostGroups().length === 0);
  report.fact('daemonEnded.hosts', hostStatuses().length);
  report.fact('daemonEnded.cgroups', hostGroups().length);
  report.fact('daemonEnded.control', Number(existsSync(CONTROL_SOCKET)));
  report.fact('daemonEnded.services', countProcesses());
  report.fact('launcherEnded.status', Number(await launcher.end('SIGTERM')));
  const sockets = [EXECUTOR_SOCKET, SENSOR_SOCKET, LAUNCHER_SOCKET];
  report.fact('launcherEnded.processes', countProcesses());
  report.fact('launcherEnded.sockets', sockets.filter((socket) => existsSync(socket)).length);
  report.fact('badPages', await pulse.stop());
};

/** Lets something happen that ends a switch, and tells what everybody saw of it. */
async function watchSwitch(stage: Stage, name: string, cause: () => Promise<void>): Promise<Happened> {
  return watch(stage, name, async () => {
    const { daemon } = stage;
    const { lastSwitch: former } = await daemon.status();
    await cause();
    await daemon.becomes(({ lastSwitch }) => lastSwitch?.atMs !== former?.atMs);
    const { policy, outcome, code, message } = (await daemon.status()).lastSwitch as SwitchStatus;
    stage.report.note(name, { policy, outcome, code, message });
  });
}

async function watch(
  { daemon, pulse, report }: Stage,
  name: string,
  cause: () => Promise<void>,
): Promise<Happened> {
  const before = await daemon.status();
  pulse.watch();
  await cause();
  await daemon.pass(AFTER_EPOCHS);
  const { rounds } = pulse;
  await until(() => pulse.rounds > rounds);
  const after = await daemon.status();
  const epochs = daemon.decisions().filter(({ epoch }) => epoch > before.epoch && epoch <= after.epoch);
  report.note(`${name}: epochs`, { epochs: describeEpochs(epochs) });
  report.fact(`${name}.missingEpochs`, after.epoch - before.epoch - epochs.length);
  report.fact(`${name}.hotOnFastMin`, pulse.hotOnFastMin);
  return { before, after, epochs };
}

/** One line for epochs that went alike. */
function describeEpochs(epochs: readonly Decision[]): readonly string[] {
  const lines: string[] = [];
  let before = '';
  for (const { epoch, rung, policy, fault, change } of epochs) {
    const what = `${rung} ${policy.name}${fault ? `: ${fault.message}` : ''}${change ? ` -> ${change.to}` : ''}`;
    if (what !== before) lines.push(`from ${epoch} on ${what}`);
    before = what;
  }
  return lines;
}

function countFailed(epochs: readonly Decision[]): number {
  return epochs.filter(({ fault }) => fault !== undefined).length;
}

function isActiveSame({ before, after }: Happened): boolean {
  return before.active.sinceMs === after.active.sinceMs && before.active.digest === after.active.digest;
}

/** Another version of heat takes over, and what the old one knew. */
async function judgeSwap(stage: Stage, name: string, cause: () => Promise<void>): Promise<void> {
  const { report } = stage;
  const { before, after, epochs } = await watchSwitch(stage, name, cause);
  const { lastSwitch } = after;
  report.fact(`${name}.switched`, Number(lastSwitch?.outcome === 'switched'));
  report.fact(`${name}.tookOver`, Number(/it took over \d{4,} bytes/.test(lastSwitch?.message ?? '')));
  report.fact(`${name}.otherSettings`, Number(after.active.settingsHash !== before.active.settingsHash));
  report.fact(`${name}.later`, Number(after.active.sinceMs > before.active.sinceMs));
  report.fact(`${name}.formerKept`, Number(after.lastGood?.settingsHash === before.active.settingsHash));
  report.fact(`${name}.entered`, epochs.filter(({ entered }) => entered === 'switched').length);
  report.fact(`${name}.failedEpochs`, countFailed(epochs));
}

/** A candidate goes, and nothing else changes. */
async function judgeRefusal(
  stage: Stage,
  name: string,
  request: Parameters<Daemon['control']['switchPolicy']>[0],
): Promise<void> {
  const { daemon, report } = stage;
  const happened = await watchSwitch(stage, name, async () => {
    demand(await daemon.control.switchPolicy(request));
  });
  const { after, epochs } = happened;
  const code = after.lastSwitch?.outcome === 'refused' ? after.lastSwitch.code : undefined;
  report.fact(`${name}.harmful`, Number(code === 'policy-harmful'));
  report.fact(`${name}.trapped`, Number(code === 'policy-trapped'));
  report.fact(`${name}.activeStays`, Number(isActiveSame(happened)));
  report.fact(`${name}.failedEpochs`, countFailed(epochs));
  report.fact(`${name}.hosts`, hostStatuses().length);
}

/** Takes over without a trial and does harm, until the breaker ends that; and is sent away. */
async function judgeHarm(stage: Stage): Promise<void> {
  const { daemon, pulse, report, scenario } = stage;
  const { hotPages = 0 } = scenario.parameters;
  const { after, epochs } = await watchSwitch(stage, 'harm', async () => {
    demand(await daemon.control.switchPolicy({ policy: '/policies/worse.wasm', trialEpochs: 0 }));
    await daemon.becomes(({ duty }) => duty === 'last-good');
  });
  reportFall(report, 'harm', 'worse', epochs);
  report.fact('harm.fault', epochs.filter(({ fault }) => fault?.code === 'policy-harmful').length);
  report.fact('harm.fallsBack', Number(after.duty === 'last-good' && after.active.name === 'worse'));
  await until(() => pulse.hotOnFast === hotPages);
  report.fact('harm.mended', pulse.hotOnFast);
  await judgeWayBack(stage, 'harm');
}

/** Takes over without a trial and traps. */
async function judgeTrap(stage: Stage): Promise<void> {
  const { daemon, report } = stage;
  const { after, epochs } = await watchSwitch(stage, 'moody', async () => {
    const request = { policy: '/policies/moody.wasm', settings: { from: 0 }, trialEpochs: 0 };
    demand(await daemon.control.switchPolicy(request));
    await daemon.becomes(({ duty }) => duty === 'last-good');
  });
  reportFall(report, 'moody', 'moody', epochs);
  report.fact('moody.fault', epochs.filter(({ fault }) => fault?.code === 'policy-trapped').length);
  report.fact('moody.fallsBack', Number(after.duty === 'last-good' && after.active.name === 'moody'));
  await judgeWayBack(stage, 'moody');
}

/** How many epochs the policy decided, how many were lost, and that heat decided every other one. */
function reportFall(report: Reporter, name: string, policy: string, epochs: readonly Decision[]): void {
  const its = epochs.filter((each) => each.policy.name === policy);
  report.fact(`${name}.epochs`, its.length);
  report.fact(`${name}.failedEpochs`, countFailed(epochs));
  report.fact(`${name}.heatEpochsAfter`, epochs.filter(({ rung }) => rung === 'last-good').length);
  report.fact(
    `${name}.strangers`,
    epochs.length - its.length - epochs.filter((each) => each.policy.name === 'heat').length,
  );
}

async function judgeWayBack(stage: Stage, name: string): Promise<void> {
  const { daemon, report } = stage;
  const { after, epochs } = await watchSwitch(stage, `${name}.wayBack`, async () => {
    demand(await daemon.control.rollback());
  });
  const isBack = after.lastSwitch?.outcome === 'rolled-back' && after.active.name === 'heat';
  report.fact(`${name}.wayBack.done`, Number(isBack && after.duty === 'chosen'));
  report.fact(`${name}.wayBack.failedEpochs`, countFailed(epochs));
}

/** A service dies; its epochs fail until the launcher has started it again, and nobody is blamed. */
async function judgeDeath(stage: Stage, name: string, main: string): Promise<void> {
  const { daemon, report } = stage;
  const [victim = 0] = findProcesses(main);
  const happened = await watch(stage, name, async () => {
    process.kill(victim, 'SIGKILL');
    await daemon.becomes(({ fault }) => fault !== undefined);
    await daemon.becomes(({ fault }) => fault === undefined);
  });
  const { epochs } = happened;
  const [heir = victim, ...others] = findProcesses(main);
  const code = main === EXECUTOR ? 'executor-unreachable' : 'sensor-unreachable';
  report.fact(`${name}.restarted`, Number(heir !== victim && others.length === 0));
  report.fact(`${name}.failedEpochs`, countFailed(epochs));
  report.fact(`${name}.otherFaults`, epochs.filter(({ fault }) => fault && fault.code !== code).length);
  report.fact(`${name}.othersDecide`, epochs.filter(({ rung }) => rung !== 'chosen').length);
  report.fact(`${name}.activeStays`, Number(isActiveSame(happened)));
}
