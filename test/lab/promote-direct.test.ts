import { expectScenario } from './expect-scenario.ts';
import { promoteDirect } from './scenarios/promote.ts';

expectScenario(promoteDirect);
