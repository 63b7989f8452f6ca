import type { DaemonStatus, PolicyStatus, ScopeStatus, ShadowStatus } from '../control/status.ts';
import type { SwitchStatus, TrialStatus } from '../control/status.ts';
import { digestOf, formatAge, formatCount, formatGain, formatPeriod, nameOf } from './amounts.ts';
import { clauses, layRows, words, type Page, type Row } from './rows.ts';

export interface View extends Page {
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

/** What a daemon does, for people. Pure. */
export function drawStatus(status: DaemonStatus, view: View): string {
  const groups = [
    daemonRows(status, view.nowMs),
    ...status.scopes.map((scope) => scopeRows(scope, view.nowMs)),
  ];
  return groups.map((rows) => layRows(rows, view)).join('\n');
}

function daemonRows({ version, pid, startedMs, config, scopes }: DaemonStatus, nowMs: number): Row[] {
  const up = `up for ${formatAge(nowMs - startedMs)}`;
  const read = `read ${formatAge(nowMs - config.loadedMs)} ago`;
  return [
    {
      label: 'terrace',
      pieces: clauses([version, `pid ${pid}`, up], [config.file, read]),
      isHeading: true,
    },
    ...rowIf(config.refused !== undefined, {
      label: 'refused',
      pieces: words(`what lies in that file now is not in force: ${config.refused}`),
      tone: 'bad',
    }),
    ...rowIf(scopes.length === 0, { label: '', pieces: ['no scope is served'], tone: 'warning' }),
  ];
}

function scopeRows(status: ScopeStatus, nowMs: number): Row[] {
  const { scope, paused, duty, active, lastGood, trial, lastSwitch, shadows, fault } = status;
  const name = createNamer(status, nowMs);
  const policyRow = (label: string, policy: PolicyStatus, isOnDuty: boolean): Row => ({
    label,
    pieces: clauses([name(policy), ...(isOnDuty ? ['on duty'] : [])]),
  });
  return [
    { label: scope, pieces: epochPieces(status), isHeading: true },
    { label: '', pieces: totalPieces(status) },
    ...rowIf(paused, { label: 'paused', pieces: ['nothing moves until it is resumed'], tone: 'warning' }),
    ...rowIf(duty === 'hold', { label: 'hold', pieces: ['on duty: nothing moves'], tone: 'warning' }),
    policyRow('active', active, duty === 'chosen'),
    { label: '', pieces: activePieces(status) },
    ...(trial ? trialRows(trial, name) : []),
    ...shadows.flatMap((shadow) => shadowRows('shadow', formatEpochs(shadow.epochs), shadow, name)),
    ...(lastGood ? [policyRow('last good', lastGood, duty === 'last-good')] : []),
    ...(lastSwitch ? [switchRow(lastSwitch, nowMs)] : []),
    ...(fault ? [faultRow('fault', fault)] : []),
  ];
}

function epochPieces({ epoch, epochMs, late, dropped, regions, totals }: ScopeStatus): string[] {
  const number = `epoch ${formatCount(epoch)}`;
  const troubles = { late, dropped, failed: totals.failed };
  return clauses(
    [number, `one every ${formatPeriod(epochMs)}`],
    Object.entries(troubles).map(([what, count]) => `${formatCount(count)} ${what}`),
    [`${formatCount(regions)} regions`],
  );
}

function totalPieces({ totals }: ScopeStatus): string[] {
  return clauses(movePieces('moved', totals), [`${formatCount(totals.refused)} entries refused`]);
}

function activePieces({ slowdowns, fuel }: ScopeStatus): string[] {
  return clauses(
    slowdowns
      ? [`slowdown ${slowdowns.policy.toFixed(3)}`, `hold's ${slowdowns.hold.toFixed(3)}`]
      : ['slowdown not known yet'],
    fuel === undefined ? [] : [`fuel ${formatCount(fuel)} an epoch`],
  );
}

function movePieces(
  verb: string,
  moves: Pick<ShadowStatus, 'movedPages' | 'promotedPages' | 'demotedPages'>,
): string[] {
  return [
    `${verb} ${formatCount(moves.movedPages)} pages: ${formatCount(moves.promotedPages)} promoted`,
    `${formatCount(moves.demotedPages)} demoted`,
  ];
}

type Namer = (policy: PolicyStatus) => string;

function trialRows({ policy, stage, epochsWanted, shadow }: TrialStatus, name: Namer): Row[] {
  const next = epochsWanted === 0 ? 'then takes over' : `then ${formatEpochs(epochsWanted)} as a shadow`;
  if (!shadow || stage === 'preparing')
    return [{ label: 'trial', pieces: clauses([`${policy} is being prepared`, next]), tone: 'good' }];
  const progress = `epoch ${formatCount(shadow.epochs)} of ${formatCount(epochsWanted)} as a shadow`;
  return shadowRows('trial', progress, shadow, name);
}

function shadowRows(label: 'trial' | 'shadow', progress: string, shadow: ShadowStatus, name: Namer): Row[] {
  const { slowdown, activeSlowdown, missed, failed, elsewherePages, fuel, fault } = shadow;
  const troubles = Object.entries({ missed, failed }).filter(([, count]) => count > 0);
  const told = troubles.map(([what, count]) => `${formatCount(count)} ${what}`);
  const slowdowns = [`slowdown ${slowdown.toFixed(3)}`, `active's ${activeSlowdown.toFixed(3)}`];
  const elsewhere = `${formatCount(elsewherePages)} elsewhere`;
  return [
    {
      label,
      pieces: clauses([name(shadow), progress, ...told]),
      ...(label === 'trial' && { tone: 'good' }),
    },
    {
      label: '',
      pieces: clauses([...slowdowns, formatGain(shadow)], [`fuel ${formatCount(fuel)} an epoch`]),
    },
    { label: '', pieces: clauses(movePieces('would have moved', shadow), [elsewhere]) },
    ...(fault ? [faultRow('', fault)] : []),
  ];
}

function switchRow({ policy, outcome, code, message, atMs }: SwitchStatus, nowMs: number): Row {
  const how = code === undefined ? outcome : `${outcome} (${code})`;
  return {
    label: 'last switch',
    pieces: [policy, how, `${formatAge(nowMs - atMs)} ago:`, ...words(message)],
    ...(outcome === 'refused' && { tone: 'bad' }),
  };
}

function faultRow(label: string, { code, message }: { code: string; message: string }): Row {
  return { label, pieces: [`${code}:`, ...words(message)], tone: 'bad' };
}

/** Policies of one scope, so that what follows their names stands below each other. */
function createNamer({ active, lastGood, trial, shadows }: ScopeStatus, nowMs: number): Namer {
  const shown = [active, lastGood, trial?.shadow, ...shadows].filter((policy) => policy !== undefined);
  const nameWidth = Math.max(...shown.map((policy) => nameOf(policy).length));
  const digestWidth = Math.max(...shown.map((policy) => digestOf(policy).length));
  return (policy) => {
    const name = nameOf(policy).padEnd(nameWidth);
    return `${name}  ${digestOf(policy).padEnd(digestWidth)}  for ${formatAge(nowMs - policy.sinceMs)}`;
  };
}

function formatEpochs(count: number): string {
  return `${formatCount(count)} ${count === 1 ? 'epoch' : 'epochs'}`;
}

function rowIf(condition: boolean, row: Row): Row[] {
  return condition ? [row] : [];
}
