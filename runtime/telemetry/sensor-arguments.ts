import { parseArgs } from 'node:util';
import type { ScopeMembers } from '../../executor/kernel.ts';
import { parseIdList } from '../../executor/procfs/proc.ts';
import { failure, success, type Result } from '../../executor/result.ts';
import type { LookChoice } from './sensor-idle/idle-limits.ts';

export const usage =
  'node runtime/telemetry/sensor-main.ts --socket PATH [--sampling-period N] [--root /] [--until-stdin-ends] ' +
  '[--source soft-dirty] (--cgroup PATH | --uid UID), or --source idle-pages [--cgroup PATH] [--nodes 0,2-3] ' +
  '[--mode full | sampled] [--sampling-share 0.05] [--regions folios | blocks] [--seed N]';

interface Common {
  readonly socket: string;
  readonly samplingPeriod: number;
  readonly root: string;
  /** To end with whoever started it. */
  readonly untilStdinEnds: boolean;
}

interface SoftDirty extends Common {
  readonly source: 'soft-dirty';
  readonly members: ScopeMembers;
}

interface IdlePages extends Common, LookChoice {
  readonly source: 'idle-pages';
  /** Only frames charged to this group or one below. */
  readonly cgroup?: string;
  readonly nodes?: readonly number[];
  readonly seed: number;
}

export type SensorArguments = SoftDirty | IdlePages;

type ArgumentFault = 'arguments-missing' | 'arguments-invalid' | 'arguments-unknown';
type Values = ReturnType<typeof readValues>;

export function readArguments(): Result<SensorArguments, ArgumentFault> {
  let values: Values;
  try {
    values = readValues();
  } catch (error) {
    return failure('arguments-unknown', `${(error as Error).message.split('.')[0]}; ${usage}`);
  }
  const { socket, root, 'until-stdin-ends': untilStdinEnds } = values;
  const samplingPeriod = Number(values['sampling-period']);
  if (socket === undefined) return failure('arguments-missing', usage);
  if (!isWhole(samplingPeriod) || samplingPeriod < 1)
    return failure('arguments-invalid', '--sampling-period is a whole number from 1 on');
  const common = { socket, root, samplingPeriod, untilStdinEnds };
  if (values.source === 'soft-dirty') return readSoftDirty(common, values);
  if (values.source === 'idle-pages') return readIdlePages(common, values);
  return failure('arguments-invalid', '--source is soft-dirty or idle-pages');
}

function readValues() {
  return parseArgs({
    options: {
      socket: { type: 'string' },
      'sampling-period': { type: 'string', default: '1' },
      root: { type: 'string', default: '/' },
      'until-stdin-ends': { type: 'boolean', default: false },
      source: { type: 'string', default: 'soft-dirty' },
      cgroup: { type: 'string' },
      uid: { type: 'string' },
      nodes: { type: 'string' },
      mode: { type: 'string' },
      'sampling-share': { type: 'string' },
      regions: { type: 'string' },
      seed: { type: 'string' },
    },
  }).values;
}

function readSoftDirty(common: Common, values: Values): Result<SoftDirty, ArgumentFault> {
  const stranger = (['nodes', 'mode', 'sampling-share', 'regions', 'seed'] as const).find(
    (name) => values[name] !== undefined,
  );
  if (stranger !== undefined)
    return failure('arguments-invalid', `--${stranger} belongs to --source idle-pages`);
  const members = readMembers(values.cgroup, values.uid);
  return members
    ? success({ ...common, source: 'soft-dirty', members })
    : failure('arguments-missing', usage);
}

function readMembers(cgroup: string | undefined, uid: string | undefined): ScopeMembers | undefined {
  if (cgroup?.startsWith('/') && uid === undefined) return { kind: 'cgroup', path: cgroup };
  return uid !== undefined && /^\d+$/.test(uid) && cgroup === undefined
    ? { kind: 'uid', uid: Number(uid) }
    : undefined;
}

function readIdlePages(common: Common, values: Values): Result<IdlePages, ArgumentFault> {
  const { cgroup, mode = 'full', regions, seed = '1' } = values;
  const nodes = values.nodes === undefined ? undefined : parseIdList(values.nodes);
  const samplingShare = Number(values['sampling-share'] ?? '0.05');
  if (values.uid !== undefined)
    return failure('arguments-invalid', 'frames are charged to groups, not users: use --cgroup');
  if (cgroup !== undefined && !cgroup.startsWith('/'))
    return failure('arguments-invalid', '--cgroup is the path of a group, from / on');
  if (values.nodes !== undefined && (nodes === undefined || nodes.length === 0))
    return failure('arguments-invalid', '--nodes is a list of node ids such as 0,2-3');
  if (mode !== 'full' && mode !== 'sampled') return failure('arguments-invalid', '--mode is full or sampled');
  if (mode === 'full' && values['sampling-share'] !== undefined)
    return failure('arguments-invalid', '--sampling-share belongs to --mode sampled');
  if (!(samplingShare > 0 && samplingShare <= 1))
    return failure('arguments-invalid', '--sampling-share is a number above 0, at most 1');
  if (regions !== undefined && regions !== 'folios' && regions !== 'blocks')
    return failure('arguments-invalid', '--regions is folios or blocks');
  if (!isWhole(Number(seed))) return failure('arguments-invalid', '--seed is a whole number');
  return success({
    ...common,
    ...{ source: 'idle-pages', mode, samplingShare, seed: Number(seed) },
    ...(cgroup !== undefined && { cgroup }),
    ...(nodes !== undefined && { nodes }),
    ...(regions !== undefined && { regions }),
  });
}

function isWhole(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 2 ** 32;
}
