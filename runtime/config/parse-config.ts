import path from 'node:path';
import { failure, success } from '../../executor/result.ts';
import { isPolicyPath } from '../policy/policy-name.ts';
import type { Config, PolicyChoice, ScopeConfig } from './config.ts';
import { describeIssues } from './describe-issues.ts';
import { refuse, type ConfigResult, type PlaceOf } from './faults.ts';
import { findOverlaps, type OverlapFault } from './overlap.ts';
import { readYaml } from './read-yaml.ts';
import { configSchema, type ConfigInFile } from './schema.ts';

export type ParseFault = 'config-malformed' | OverlapFault;

type ScopeInFile = ConfigInFile['scopes'][string];

/** Checks a configuration: its form, its bounds, and that its scopes have nothing in common. `file` = its path. */
export function parseConfig(text: string, file: string): ConfigResult<Config, ParseFault> {
  const yaml = readYaml(text, file);
  if (!yaml.ok) return yaml;
  const parsed = configSchema.safeParse(yaml.value.value);
  if (!parsed.success) return refuse(describeIssues(parsed.error.issues, yaml.value));
  const config = toConfig(parsed.data, file, yaml.value.placeOf);
  const overlaps = findOverlaps(config);
  if (overlaps.length === 0) return success(config);
  return refuse(
    overlaps.map(({ code, path, message }) => failure(code, `${config.placeOf(path)} ${message}`)),
  );
}

function toConfig(inFile: ConfigInFile, file: string, placeOf: PlaceOf): Config {
  const { executor, launcher, control, policies, decisions, scopes } = inFile;
  const from = (named: string): string =>
    path.isAbsolute(named) ? named : path.join(path.dirname(file), named);
  return {
    file,
    executor,
    control,
    ...(launcher !== undefined && { launcher }),
    ...(policies !== undefined && { policies: from(policies) }),
    ...(decisions !== undefined && { decisions: from(decisions) }),
    scopes: Object.entries(scopes).map(([name, scope]) => toScope(name, scope, from)),
    placeOf,
  };
}

function toScope(name: string, scope: ScopeInFile, from: (named: string) => string): ScopeConfig {
  const { cgroup, uid, sensor, epochMs, trialEpochs, shadows, quotas, limits, host } = scope;
  const choose = ({ policy, settings }: PolicyChoice): PolicyChoice => ({
    policy: isPolicyPath(policy) ? from(policy) : policy,
    settings,
  });
  return {
    name,
    // Without a slash at its end, so that paths compare part by part.
    members:
      cgroup === undefined
        ? { kind: 'uid', uid: uid! }
        : { kind: 'cgroup', path: cgroup.replace(/(?<=.)\/$/, '') },
    sensor,
    epochMs,
    ...choose(scope),
    trialEpochs,
    shadows: shadows.map(choose),
    quotas,
    limits,
    host,
  };
}
