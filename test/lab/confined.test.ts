import { expectScenario } from './expect-scenario.ts';
import { confined } from './scenarios/confined.ts';

expectScenario(confined);
