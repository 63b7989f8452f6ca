import { expectScenario } from './expect-scenario.ts';
import { exactPhysDirect } from './scenarios/exact-phys.ts';

expectScenario(exactPhysDirect);
