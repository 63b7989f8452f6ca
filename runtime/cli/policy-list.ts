import type { Command } from 'commander';
import { success, type Result } from '../../executor/result.ts';
import type { DaemonStatus, PolicyStatus, ScopeStatus } from '../control/status.ts';
import { digestOf, formatAge, nameOf } from './amounts.ts';
import { controlOption, findScope, withDaemon, type ControlFlags } from './daemon.ts';
import type { Terminal } from './terminal.ts';

interface ListFlags extends ControlFlags {
  readonly scope?: string;
  readonly json?: true;
}

/** A policy and its part; of one that is still being prepared only what was asked for is known. */
interface Listed extends Partial<Omit<PolicyStatus, 'name'>> {
  readonly scope: string;
  readonly role: 'active' | 'last good' | 'trial' | 'shadow';
  readonly name: string;
}

const HEADINGS = ['scope', 'role', 'policy', 'digest', 'for'] as const;

/** `terrace policy list`: which policies a daemon has, and what for. */
export function addPolicyListVerb(policy: Command, terminal: Terminal): void {
  policy
    .command('list')
    .description('list the policies of a running daemon: active, last good, on trial, and shadows')
    .option('--scope <name>', 'of this scope only')
    .option('--json', 'print one line of JSON and nothing else')
    .addOption(controlOption())
    .action((flags: ListFlags) =>
      withDaemon(flags, terminal, async (daemon) => {
        const status = await daemon.status();
        if (!status.ok) return status;
        const scopes = chooseScopes(status.value, flags.scope);
        if (!scopes.ok) return scopes;
        const listed = scopes.value.flatMap(listPolicies);
        terminal.out(flags.json ? `${JSON.stringify(listed)}\n` : drawTable(listed, terminal.nowMs()));
        return undefined;
      }),
    );
}

function chooseScopes(status: DaemonStatus, named: string | undefined): Result<readonly ScopeStatus[]> {
  if (named === undefined) return success(status.scopes);
  const found = findScope(status, named);
  return found.ok ? success([found.value]) : found;
}

function listPolicies({ scope, active, lastGood, trial, shadows }: ScopeStatus): Listed[] {
  const list = (
    role: Listed['role'],
    { name, version, digest, settingsHash, sinceMs }: PolicyStatus,
  ): Listed => ({ scope, role, name, version, digest, settingsHash, sinceMs });
  return [
    list('active', active),
    ...(lastGood ? [list('last good', lastGood)] : []),
    ...(trial ? [trial.shadow ? list('trial', trial.shadow) : preparing(scope, trial.policy)] : []),
    ...shadows.map((shadow) => list('shadow', shadow)),
  ];
}

function preparing(scope: string, name: string): Listed {
  return { scope, role: 'trial', name };
}

function drawTable(listed: readonly Listed[], nowMs: number): string {
  const rows = [HEADINGS, ...listed.map((policy) => cells(policy, nowMs))];
  const widths = HEADINGS.map((_, at) => Math.max(...rows.map((row) => row[at]!.length)));
  const lines = rows.map((row) => row.map((cell, at) => cell.padEnd(widths[at]!)).join('  '));
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}

function cells({ scope, role, ...policy }: Listed, nowMs: number): readonly string[] {
  if (!isKnown(policy)) return [scope, role, policy.name, 'being prepared', ''];
  return [scope, role, nameOf(policy), digestOf(policy), formatAge(nowMs - policy.sinceMs)];
}

function isKnown(policy: Partial<PolicyStatus>): policy is PolicyStatus {
  return policy.digest !== undefined;
}
