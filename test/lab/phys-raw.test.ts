import { expectScenario } from './expect-scenario.ts';
import { physRaw } from './scenarios/phys-raw.ts';

expectScenario(physRaw);
