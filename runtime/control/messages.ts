import { isAbsolute } from 'node:path';
import { oneLine } from '../../executor/one-line.ts';
import { failure, success, type Result } from '../../executor/result.ts';
import { ID_NONE, isCount, isFields, readId } from '../../executor/wire/envelope.ts';
import type { SettingValue, Settings } from '../contract.ts';
import {
  controlNameUnitsMax,
  controlTextUnitsMax,
  settingsMax,
  textUnitsMax,
  trialEpochsMax,
} from '../limits.ts';
import { quote } from '../policy/quote.ts';
import type { OperatorFault, SwitchRequest } from './operator.ts';
import { line, one, type Reader } from './readers.ts';

/** What may be asked of a daemon; it knows nothing else. */
export type ControlRequest =
  | { readonly kind: 'status' }
  | { readonly kind: 'reload' }
  | { readonly kind: 'rollback' | 'pause' | 'resume'; readonly scope?: string }
  | ({ readonly kind: 'switch' } & SwitchRequest);

export type RequestFault = 'request-unknown' | 'request-malformed';
export type ControlFault =
  | OperatorFault
  | RequestFault
  | 'frame-too-large'
  | 'permission-missing'
  | 'daemon-unreachable';

const faults: Record<ControlFault, true> = {
  'scope-unknown': true,
  'policy-refused': true,
  'nothing-to-roll-back': true,
  'config-refused': true,
  closing: true,
  'request-unknown': true,
  'request-malformed': true,
  'frame-too-large': true,
  'permission-missing': true,
  'daemon-unreachable': true,
};
/** Every code that a request may fail with. */
export const CONTROL_FAULTS: ReadonlySet<ControlFault> = new Set(Object.keys(faults) as ControlFault[]);

type Kind = ControlRequest['kind'];
type FieldName = keyof SwitchRequest;

const FIELDS_OF: Readonly<Record<Kind, readonly FieldName[]>> = {
  status: [],
  switch: ['policy', 'scope', 'settings', 'trialEpochs'],
  rollback: ['scope'],
  pause: ['scope'],
  resume: ['scope'],
  reload: [],
};

const FIELDS: Readonly<Record<FieldName, { readonly read: Reader<unknown>; readonly is: string }>> = {
  scope: {
    read: one((value) => isPlain(value, controlNameUnitsMax)),
    is: `a line of at most ${controlNameUnitsMax} characters`,
  },
  policy: {
    read: one(isPolicyName),
    is: `a name or the absolute path of a file, of at most ${controlTextUnitsMax} characters`,
  },
  settings: {
    read: readSettings,
    is: `at most ${settingsMax} names with a number, a truth or a text of at most ${textUnitsMax} characters`,
  },
  trialEpochs: {
    read: one((value) => isCount(value, trialEpochsMax)),
    is: `a whole number from 0 to ${trialEpochsMax}`,
  },
};

/** A request `{ id, kind, … }`, with its fields checked for type and bounds; what they name is for the daemon. */
export function readControlRequest(message: unknown): Result<ControlRequest, RequestFault> {
  if (!isFields(message) || readId(message) === ID_NONE || !isKind(message.kind))
    return failure(
      'request-unknown',
      `the requests are ${Object.keys(FIELDS_OF).join(', ')}, each with an id from 1 on; use both ends of one Terrace version`,
    );
  const { id: _, kind, ...given } = message;
  const known: readonly string[] = FIELDS_OF[kind];
  const fields: [string, unknown][] = [];
  for (const [name, value] of Object.entries(given)) {
    if (!known.includes(name)) return malformed(kind, `has no field ${quote(name)}`);
    const { read, is } = FIELDS[name as FieldName];
    const field = read(value);
    if (field === undefined) return malformed(kind, `needs as ${name} ${is}, not ${quote(value)}`);
    fields.push([name, field]);
  }
  if (kind === 'switch' && !Object.hasOwn(given, 'policy')) return malformed(kind, 'needs a policy');
  return success({ kind, ...Object.fromEntries(fields) } as ControlRequest);
}

/** What a daemon says in answer to everything but `status`. */
export const readAnswer = line(controlTextUnitsMax);

function malformed(kind: Kind, what: string): Result<never, 'request-malformed'> {
  return failure('request-malformed', `the request ${kind} ${what}`);
}

function isKind(value: unknown): value is Kind {
  return typeof value === 'string' && Object.hasOwn(FIELDS_OF, value);
}

function isPlain(value: unknown, unitsMax: number): value is string {
  return typeof value === 'string' && value !== '' && value.length <= unitsMax && oneLine(value) === value;
}

/** A relative path would be looked up from wherever the daemon was started. */
function isPolicyName(value: unknown): value is string {
  return isPlain(value, controlTextUnitsMax) && (isAbsolute(value) || !/\/|\.(wasm|ts)$/.test(value));
}

function readSettings(value: unknown): Settings | undefined {
  if (!isFields(value)) return undefined;
  const entries = Object.entries(value);
  const sound = entries.every(([name, each]) => isPlain(name, controlNameUnitsMax) && isSettingValue(each));
  return sound && entries.length <= settingsMax
    ? (Object.fromEntries(entries) as Record<string, SettingValue>)
    : undefined;
}

function isSettingValue(value: unknown): value is SettingValue {
  if (typeof value === 'string') return value.length <= textUnitsMax;
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}
