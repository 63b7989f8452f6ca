import { expectScenario } from './expect-scenario.ts';
import { tenantsDirect } from './scenarios/tenants.ts';

expectScenario(tenantsDirect);
