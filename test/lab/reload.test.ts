import { expectScenario } from './expect-scenario.ts';
import { reload } from './scenarios/reload.ts';

expectScenario(reload);
