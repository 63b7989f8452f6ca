import type { Scenario } from '../scenario.ts';
import { boot } from './boot.ts';
import { exactScenario } from './exact.ts';
import { physRaw } from './phys-raw.ts';
import { virtualScenario } from './virtual.ts';

export const SCENARIOS: readonly Scenario[] = [boot, exactScenario, physRaw, virtualScenario];
