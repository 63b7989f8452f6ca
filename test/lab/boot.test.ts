import { expectScenario } from './expect-scenario.ts';
import { boot } from './scenarios/boot.ts';

expectScenario(boot);
