import { parseConfig } from '../../../runtime/config/parse-config.ts';
import type { Config } from '../../../runtime/config/config.ts';

export const FILE = '/etc/terrace/terrace.yaml';

/** A configuration in JSON, which is YAML; `scope` and `top` replace or add keys, undefined takes one out. */
export function sample({
  top = {},
  scope = {},
}: { readonly top?: object; readonly scope?: object } = {}): string {
  const batch = { cgroup: '/batch.slice', sensor: '/run/sensor.sock', policy: 'heat', ...scope };
  return JSON.stringify({ executor: '/run/e.sock', control: '/run/c.sock', scopes: { batch }, ...top });
}

/** Of one scope with that members key. */
export function scopeOf(members: object, sensor: string, policy = 'hold'): object {
  return { ...members, sensor, policy };
}

export function parsed(text: string): Config {
  const config = parseConfig(text, FILE);
  if (!config.ok) throw new Error(config.message);
  return config.value;
}

export const refusal = (text: string) => {
  const config = parseConfig(text, FILE);
  if (config.ok) throw new Error('it was taken');
  return config;
};

/** A configuration whose scope has that quota. */
export function quotaOf(quota: object): string {
  return sample({ scope: { quotas: [quota] } });
}

export function goalOf(goal: object): string {
  return quotaOf({ bytesPerSecond: 5000, goals: [goal] });
}
