import { expectScenario } from './expect-scenario.ts';
import { exactPhys } from './scenarios/exact-phys.ts';

expectScenario(exactPhys);
