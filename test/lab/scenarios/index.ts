import type { Scenario } from '../scenario.ts';
import { boot } from './boot.ts';
import { confined } from './confined.ts';
import { exactScenario } from './exact.ts';
import { exactPhys, exactPhysDirect } from './exact-phys.ts';
import { idle } from './idle.ts';
import { mappersScenario } from './mappers.ts';
import { physRaw } from './phys-raw.ts';
import { promote, promoteDirect, promoteKnown } from './promote.ts';
import { reload } from './reload.ts';
import { tenants, tenantsDirect } from './tenants.ts';
import { virtualScenario } from './virtual.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...[boot, confined, exactScenario, mappersScenario, exactPhys, exactPhysDirect, idle, physRaw],
  ...[promote, promoteDirect, promoteKnown, reload, tenants, tenantsDirect, virtualScenario],
];
