import type { SwitchStatus } from '../control/status.ts';
import type { StepReport } from '../engine.ts';
import { describeChange } from '../govern/decision.ts';

/** What of a scope is worth a line in the daemon's log: what changes, not what goes on. */
export interface News {
  step(report: StepReport): void;
  switched(status: SwitchStatus): void;
}

export function createNews(scope: string, tell: (line: string) => void): News {
  let trouble: string | undefined;
  let logTrouble: string | undefined;
  return {
    step({ epoch, fault, duty, logFault }) {
      const say = (line: string): void => tell(`${scope}: epoch ${epoch}: ${line}`);
      if (fault && fault.code !== trouble) say(`${fault.code}: ${fault.message}`);
      if (!fault && trouble !== undefined) say(`no more ${trouble}`);
      if (logFault && logFault.code !== logTrouble) say(`${logFault.code}: ${logFault.message}`);
      if (duty.change) say(`policy-changed: ${describeChange(duty.rung, duty.change)}`);
      trouble = fault?.code;
      logTrouble = logFault?.code;
    },
    switched({ policy, outcome, code, message }) {
      tell(`${scope}: ${policy} ${outcome}${code === undefined ? '' : ` (${code})`}: ${message}`);
    },
  };
}
