import { z } from 'zod';
import { GOVERN_DEFAULTS } from '../govern/governor.ts';
import * as limits from '../limits.ts';
import { POLICY_NAME } from '../policy/parse/manifest.ts';
import { POLICY_NAMED } from '../policy/policy-name.ts';
import { absolutePath, anyPath, fields, list, record, share, text, whole } from './schema-parts.ts';

const { MAX_SAFE_INTEGER } = Number;
const USER_ID_MAX = 4_294_967_294;
/** As the executor's limits file has it. */
const SCOPE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

const socket = absolutePath(limits.socketPathBytesMax);
const epochs = whole(1, limits.governEpochsMax);

const POLICY = 'NAME, NAME@VERSION, or the path of a .wasm or .ts file';
const policy = text(POLICY_NAMED, POLICY)
  .refine((named) => Buffer.byteLength(named) <= limits.pathBytesMax, POLICY)
  .describe(`${POLICY}, relative to this file or absolute`);

const settings = record(
  text(POLICY_NAME, 'a letter, then up to 63 letters, digits, dashes and underscores'),
  z.union([z.number(), z.boolean(), z.string()], 'a number, true, false or text'),
  0,
  limits.settingsMax,
)
  .default({})
  .describe('Settings of the policy, as it declares them');

const node = whole(0, limits.quotaNodeMax);
const target = z
  .number('a share above 0, up to 1')
  .gt(0, 'a share above 0, up to 1')
  .max(1, 'a share above 0, up to 1');

const goal = z.discriminatedUnion(
  'metric',
  [
    fields({ metric: z.enum(['free-share', 'used-share']), node, target }),
    fields({ metric: z.literal('psi-memory-some'), target }),
  ],
  'free-share, used-share or psi-memory-some',
);

const bytesPerSecond = whole(limits.quotaBytesPerSecondMin, limits.quotaBytesPerSecondMax);
const quota = fields({
  to: list(node, 1, limits.quotaNodeMax + 1)
    .exactOptional()
    .describe('Node ids whose arrivals count; absent = all arrivals'),
  bytesPerSecond: bytesPerSecond.describe('The ceiling, and the rate itself where there are no goals'),
  bytesPerSecondMin: whole(0, limits.quotaBytesPerSecondMax)
    .exactOptional()
    .describe('How far goals may lower the rate'),
  goals: list(goal, 0, limits.quotaGoalsMax).exactOptional().describe('What the rate is tuned for'),
}).refine(({ bytesPerSecond, bytesPerSecondMin = 0 }) => bytesPerSecondMin <= bytesPerSecond, {
  path: ['bytesPerSecondMin'],
  error: 'at most bytesPerSecond',
});

const govern = fields({
  failedEpochsMax: epochs.default(GOVERN_DEFAULTS.failedEpochsMax).describe('Failed epochs in a row'),
  retryEpochsMin: epochs
    .default(GOVERN_DEFAULTS.retryEpochsMin)
    .describe('Epochs on the bench the first time'),
  retryEpochsMax: epochs.default(GOVERN_DEFAULTS.retryEpochsMax).describe('Epochs on the bench at most'),
  recoveredEpochs: epochs
    .default(GOVERN_DEFAULTS.recoveredEpochs)
    .describe('Good epochs that undo one doubling'),
  invalidShareMax: share(1)
    .default(GOVERN_DEFAULTS.invalidShareMax)
    .describe("Share of a plan's entries that may name no region or no place"),
  harmShareMax: share(limits.harmShareCeiling)
    .default(GOVERN_DEFAULTS.harmShareMax)
    .describe("Share of hold's slowdown by which the policy may exceed it"),
  harmEpochs: epochs.default(GOVERN_DEFAULTS.harmEpochs).describe('Epochs that are added up for it'),
}).refine(({ retryEpochsMin, retryEpochsMax }) => retryEpochsMin <= retryEpochsMax, {
  path: ['retryEpochsMin'],
  error: 'at most retryEpochsMax',
});

const deadline = whole(1, limits.hostDeadlineMsMax);
const fuel = whole(0, MAX_SAFE_INTEGER);
const host = fields({
  memoryPagesMax: whole(1, limits.hostMemoryPagesMax)
    .default(limits.hostMemoryPagesDefault)
    .describe("Pages of 64 KiB that the policy's memory may grow to"),
  loadDeadlineMs: deadline.default(limits.loadDeadlineMsDefault).describe('To start, and again to configure'),
  epochDeadlineMs: deadline.default(limits.epochDeadlineMsDefault).describe('For one epoch'),
  fuelPerEpoch: fuel.default(limits.fuelPerEpochDefault).describe('Fuel for an epoch'),
  fuelPerRegion: fuel.default(limits.fuelPerRegionDefault).describe('And besides for each of its regions'),
  fuelPerCall: fuel
    .default(limits.fuelPerCallDefault)
    .describe('Fuel to load, to configure, to save and to restore, for each of them'),
});

const ONE_OF = 'exactly one of cgroup and uid';
const scope = fields({
  cgroup: absolutePath(limits.pathBytesMax)
    .optional()
    .describe('All processes of this cgroup and of those below it; or uid'),
  uid: whole(0, USER_ID_MAX).optional().describe('All processes of this user; or cgroup'),
  sensor: socket.describe("Socket of the scope's sensor"),
  epochMs: whole(limits.epochMsMin, limits.epochMsMax)
    .default(limits.epochMsDefault)
    .describe('From the beginning of one epoch to that of the next, in milliseconds'),
  policy,
  settings,
  trialEpochs: whole(0, limits.trialEpochsMax)
    .default(limits.trialEpochsDefault)
    .describe('Epochs that a new version runs as a shadow before it takes over; 0 = at once'),
  shadows: list(fields({ policy, settings }), 0, limits.shadowsMax)
    .default([])
    .describe('Policies that are asked besides and move nothing'),
  quotas: list(quota, 0, limits.quotasMax).default([]).describe('How much may move'),
  limits: govern.prefault({}).describe('When a policy gives way'),
  host: host.prefault({}).describe('What a policy host gets'),
})
  .refine(({ cgroup, uid }) => (cgroup === undefined) !== (uid === undefined), {
    path: ['cgroup'],
    error: ONE_OF,
  })
  .meta({ oneOf: [{ required: ['cgroup'] }, { required: ['uid'] }] });

/** A daemon's configuration as it stands in the file. */
export const configSchema = fields({
  executor: socket.describe('Socket of the executor'),
  launcher: socket
    .optional()
    .describe('Socket of the launcher; absent = policy hosts are children of the daemon'),
  control: socket.describe('Socket of the daemon; who may enter its folder may control the daemon'),
  policies: anyPath(limits.pathBytesMax)
    .optional()
    .describe('Folder of policies, which is watched; absent = built-in policies and named files only'),
  decisions: anyPath(limits.pathBytesMax)
    .optional()
    .describe('Folder of decision logs, one file a scope; absent = none are written'),
  scopes: record(
    text(SCOPE_NAME, 'a name of up to 64 letters, digits, dots, dashes and underscores'),
    scope,
    1,
    limits.scopesMax,
  ).describe("What is tiered, by the names that the executor's limits file has"),
}).meta({ title: "A Terrace daemon's configuration" });

export type ConfigInFile = z.output<typeof configSchema>;
