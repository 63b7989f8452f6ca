import { expectScenario } from './expect-scenario.ts';
import { virtualScenario } from './scenarios/virtual.ts';

expectScenario(virtualScenario);
