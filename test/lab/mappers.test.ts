import { expectScenario } from './expect-scenario.ts';
import { mappersScenario } from './scenarios/mappers.ts';

expectScenario(mappersScenario);
