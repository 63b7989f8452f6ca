import { expectScenario } from './expect-scenario.ts';
import { promoteKnown } from './scenarios/promote.ts';

expectScenario(promoteKnown);
