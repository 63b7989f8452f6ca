import { expectScenario } from './expect-scenario.ts';
import { idle } from './scenarios/idle.ts';

expectScenario(idle);
