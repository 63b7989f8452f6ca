import { isAmount, isCount } from '../../executor/wire/envelope.ts';
import { controlNameUnitsMax, controlTextUnitsMax } from '../limits.ts';
import { line, listOf, one, oneOf, record, type Reader } from './readers.ts';
import type { DaemonStatus, PolicyStatus, ScopeStatus, ShadowStatus } from './status.ts';
import type { SwitchStatus, TrialStatus } from './status.ts';

const DIGEST = /^([0-9a-f]{64})?$/;

const name = line(controlNameUnitsMax);
const text = line(controlTextUnitsMax);
const count = one((value) => isCount(value));
const amount = one(isAmount);
const truth = one((value) => typeof value === 'boolean');
const digest: Reader<string> = (value) =>
  typeof value === 'string' && DIGEST.test(value) ? value : undefined;

const fault = record({ code: name, message: text });

const policyFields = { name, version: name, digest, settingsHash: digest, sinceMs: amount };
const readPolicy: Reader<PolicyStatus> = record(policyFields);

const readShadow: Reader<ShadowStatus> = record(
  {
    ...policyFields,
    ...{ epochs: count, missed: count, failed: count, slowdown: amount, activeSlowdown: amount },
    ...{ movedPages: count, promotedPages: count, demotedPages: count, elsewherePages: count, fuel: count },
  },
  { fault },
);

const readTrial: Reader<TrialStatus> = record(
  { policy: text, stage: oneOf('preparing', 'shadow'), epochsWanted: count },
  { shadow: readShadow },
);

const readSwitch: Reader<SwitchStatus> = record(
  {
    policy: text,
    outcome: oneOf('switched', 'refused', 'superseded', 'abandoned', 'rolled-back'),
    ...{ message: text, atMs: amount },
  },
  { code: name },
);

const readScope: Reader<ScopeStatus> = record(
  {
    ...{ scope: name, paused: truth, epoch: count, epochMs: amount, late: count, dropped: count },
    ...{ regions: count, duty: oneOf('chosen', 'last-good', 'hold'), active: readPolicy },
    shadows: listOf(readShadow),
    totals: record({
      ...{ movedPages: count, promotedPages: count, demotedPages: count, refused: count, failed: count },
    }),
  },
  {
    ...{ lastGood: readPolicy, trial: readTrial, lastSwitch: readSwitch },
    ...{ slowdowns: record({ policy: amount, hold: amount }), fuel: count, fault },
  },
);

/** What a daemon tells, field by field; undefined where one is missing or of another type. */
export const readDaemonStatus: Reader<DaemonStatus> = record({
  ...{ version: name, pid: count, startedMs: amount },
  config: record({ file: text, loadedMs: amount }, { refused: text }),
  scopes: listOf(readScope),
});
