import type { Scenario } from '../scenario.ts';
import { boot } from './boot.ts';

export const SCENARIOS: readonly Scenario[] = [boot];
