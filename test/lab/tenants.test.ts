import { expectScenario } from './expect-scenario.ts';
import { tenants } from './scenarios/tenants.ts';

expectScenario(tenants);
