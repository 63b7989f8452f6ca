import { expectScenario } from './expect-scenario.ts';
import { promote } from './scenarios/promote.ts';

expectScenario(promote);
