import { failure, success, type Result } from '../../executor/result.ts';
import type { CheckedConfig, CheckedPolicy, CheckedScope } from '../config/check.ts';
import type { PolicyStatus } from '../control/status.ts';
import { hashSettings } from '../govern/hashes.ts';

/** What becomes of a scope that goes on. */
export interface ChangedScope {
  readonly checked: CheckedScope;
  /** To be switched to. */
  readonly active?: CheckedPolicy;
  /** In the order of the file: of one that stays its place before, else one that is new. */
  readonly shadows: readonly (number | CheckedPolicy)[];
}

export interface ReloadPlan {
  readonly removed: readonly string[];
  readonly added: readonly CheckedScope[];
  /** All that are in both. */
  readonly changed: readonly ChangedScope[];
}

/** Set up once; changing them would be starting again. */
const FIXED = ['executor', 'launcher', 'control', 'policies', 'decisions'] as const;

/** Who decides a scope now, whoever chose it. */
export type Deciding = (scope: string) => Pick<PolicyStatus, 'digest' | 'settingsHash'>;

/**
 * What it takes to get from one configuration to another. Only what the files say differently changes: a policy that
 * an operator switched to by hand stays until the file names another than it did before; and if that is the very one,
 * there is nothing to switch.
 */
export function planReload(
  before: CheckedConfig,
  after: CheckedConfig,
  deciding: Deciding,
): Result<ReloadPlan, 'config-needs-restart'> {
  const fixed = FIXED.find((key) => before.config[key] !== after.config[key]);
  if (fixed !== undefined)
    return failure(
      'config-needs-restart',
      `${after.config.placeOf([fixed])} ${fixed} is ${before.config[fixed] ?? 'absent'} as long as the daemon runs: restart it`,
    );
  const known = new Map(before.scopes.map((each) => [each.scope.name, each]));
  const isKept = (checked: CheckedScope): boolean => {
    const former = known.get(checked.scope.name);
    return former !== undefined && isSameMemory(former, checked);
  };
  const staying = after.scopes.filter(isKept);
  const names = new Set(staying.map(({ scope }) => scope.name));
  return success({
    removed: before.scopes.map(({ scope }) => scope.name).filter((name) => !names.has(name)),
    added: after.scopes.filter((checked) => !isKept(checked)),
    changed: staying.map((checked) => planScope(known.get(checked.scope.name)!, checked, deciding)),
  });
}

function planScope(former: CheckedScope, checked: CheckedScope, deciding: Deciding): ChangedScope {
  const isHostChanged = JSON.stringify(former.scope.host) !== JSON.stringify(checked.scope.host);
  const same = (a: CheckedPolicy, b: CheckedPolicy): boolean => !isHostChanged && isSamePolicy(a, b);
  const left = [...former.shadows.keys()];
  const shadows = checked.shadows.map((shadow) => {
    const found = left.findIndex((at) => same(former.shadows[at]!, shadow));
    return found < 0 ? shadow : left.splice(found, 1)[0]!;
  });
  const { digest, settingsHash } = deciding(checked.scope.name);
  const { active } = checked;
  const decides =
    !isHostChanged && digest === active.policy.digest && settingsHash === hashSettings(active.settings);
  return { ...{ checked, shadows }, ...(!same(former.active, active) && !decides && { active }) };
}

function isSamePolicy(a: CheckedPolicy, b: CheckedPolicy): boolean {
  return a.policy.digest === b.policy.digest && hashSettings(a.settings) === hashSettings(b.settings);
}

/** Else it is another scope by the same name. */
function isSameMemory({ scope: a }: CheckedScope, { scope: b }: CheckedScope): boolean {
  return JSON.stringify(a.members) === JSON.stringify(b.members) && a.sensor === b.sensor;
}
