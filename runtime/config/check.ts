import { failure, success, type Failure, type Result } from '../../executor/result.ts';
import type { Settings } from '../contract.ts';
import { configFaultsMax } from '../limits.ts';
import { resolveSettings, type SettingsFault } from '../policy/settings.ts';
import type { FoundPolicy, Shelf, ShelfFault } from '../policy/shelf.ts';
import type { Config, PolicyChoice, ScopeConfig } from './config.ts';
import { formatPath, refuse, type ConfigResult, type Path } from './faults.ts';

export type CheckFault = ShelfFault | SettingsFault;

/** A policy that would be loaded, and the settings it would be given: defaults are filled in. */
export interface CheckedPolicy {
  readonly policy: FoundPolicy;
  readonly settings: Settings;
}

export interface CheckedScope {
  readonly scope: ScopeConfig;
  readonly active: CheckedPolicy;
  /** In the order of the file. */
  readonly shadows: readonly CheckedPolicy[];
}

export interface CheckedConfig {
  readonly config: Config;
  readonly scopes: readonly CheckedScope[];
}

/**
 * Finds and admits every policy of every scope and holds its settings against what it declares. Nothing is started
 * and nobody connected to; a shelf may build sources. One name is looked up once, so that all scopes get the same.
 */
export async function checkConfig(
  config: Config,
  shelf: Shelf,
): Promise<ConfigResult<CheckedConfig, CheckFault>> {
  const faults: Failure<CheckFault>[] = [];
  const tell = ({ code, message }: Failure<CheckFault>, path: Path): void =>
    void faults.push(failure(code, `${config.placeOf(path)} ${formatPath(path)}: ${message}`));
  const find = rememberFound(shelf);

  async function check(
    choice: PolicyChoice,
    pagesMax: number,
    path: Path,
  ): Promise<CheckedPolicy | undefined> {
    if (faults.length > configFaultsMax) return undefined;
    const found = await find(choice.policy, pagesMax);
    if (!found.ok) return void tell(found, [...path, 'policy']);
    const schema = found.value.manifest.settings;
    for (const [name, value] of Object.entries(choice.settings)) {
      const fits = resolveSettings(schema, { [name]: value });
      if (!fits.ok) tell(fits, [...path, 'settings', name]);
    }
    const settings = resolveSettings(schema, choice.settings);
    return settings.ok ? { policy: found.value, settings: settings.value } : undefined;
  }

  const scopes: CheckedScope[] = [];
  for (const scope of config.scopes) {
    const path = ['scopes', scope.name];
    const { memoryPagesMax } = scope.host;
    const active = await check(scope, memoryPagesMax, path);
    const shadows: CheckedPolicy[] = [];
    for (const [i, choice] of scope.shadows.entries()) {
      const shadow = await check(choice, memoryPagesMax, [...path, 'shadows', i]);
      if (shadow !== undefined) shadows.push(shadow);
    }
    if (active !== undefined) scopes.push({ scope, active, shadows });
  }
  return faults.length > 0 ? refuse(faults) : success({ config, scopes });
}

function rememberFound(shelf: Shelf): Shelf['find'] {
  const found = new Map<string, Promise<Result<FoundPolicy, ShelfFault>>>();
  return (named, memoryPagesMax) => {
    const key = `${memoryPagesMax} ${named}`;
    const known = found.get(key) ?? shelf.find(named, memoryPagesMax);
    found.set(key, known);
    return known;
  };
}
