import { expectScenario } from './expect-scenario.ts';
import { exactScenario } from './scenarios/exact.ts';

expectScenario(exactScenario);
