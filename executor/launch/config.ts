import { join, normalize } from 'node:path';
import { folderPath, checkJson, fields, absolutePath, list, refuse, userId, whole } from '../check-json.ts';
import type { Result } from '../result.ts';
import { LAUNCH_BOUNDS as BOUNDS } from './limits.ts';

/** The operator's file, checked. No request widens what stands here. */
export interface LaunchConfig {
  /** Where the socket and the hosts' FIFOs lie; on tmpfs. */
  readonly folder: string;
  /** The only user who may ask for hosts. */
  readonly runtime: { readonly uid: number; readonly gid: number };
  /** Each live host runs as a user of its own, and a group of the same number, from `uidFirst` on. */
  readonly hosts: { readonly uidFirst: number; readonly countMax: number };
  /** Bounds of each host; absent = no cgroup. */
  readonly cgroup?: HostCgroup;
  /** The Node that hosts run on. */
  readonly node: string;
  /** The bundle that they run. */
  readonly hostFile: string;
  readonly flags: readonly string[];
  /** What it starts and keeps alive, the executor first. */
  readonly services: readonly ServiceConfig[];
}

/** Nothing here names a program: what is started are our own two mains. */
export type ServiceConfig = ExecutorService | SensorService;

interface ExecutorService {
  readonly kind: 'executor';
  readonly socket: string;
  readonly limits: string;
  /** Absent = as the limits file says. */
  readonly journal?: string;
}

interface SensorService {
  readonly kind: 'sensor';
  readonly name: string;
  readonly socket: string;
  readonly arguments: readonly string[];
}

export interface HostCgroup {
  /** Folder below which each host gets a group. */
  readonly parent: string;
  readonly memoryBytesMax: number;
  readonly pidsMax: number;
}

/** What a host runs with unless the operator says otherwise; the runtime's own `launch.ts` says why. */
const flagsDefault = [
  '--permission',
  '--no-liftoff',
  '--no-wasm-lazy-compilation',
  '--no-wasm-inlining',
  '--disallow-code-generation-from-strings',
];
const uidMax = 4_294_967_294;

/** Flags of a sensor that the launcher itself gives. */
const ownFlag = /^--(socket|until-stdin-ends)(=|$)|^--$/;

/** Checks the launcher's file, already read as JSON. Strict: an unknown key is refused. */
export function parseConfig(json: unknown, nodeDefault: string): Result<LaunchConfig, 'config-malformed'> {
  return checkJson('config-malformed', () => readConfig(json, nodeDefault));
}

function readConfig(json: unknown, nodeDefault: string): LaunchConfig {
  const top = fields(json, 'config', 'folder runtime hosts cgroup node host flags services');
  const runtime = fields(top.runtime, 'config.runtime', 'uid gid');
  const uid = userId(runtime.uid, 'config.runtime.uid');
  const folder = readFolder(top.folder);
  return {
    folder,
    runtime: { uid, gid: userId(runtime.gid, 'config.runtime.gid') },
    hosts: readHosts(top.hosts, uid),
    ...(top.cgroup !== undefined && { cgroup: readCgroup(top.cgroup) }),
    node: absolutePath(top.node ?? nodeDefault, 'config.node'),
    hostFile: absolutePath(top.host, 'config.host'),
    flags: list(top.flags ?? flagsDefault, 'config.flags', readFlag),
    services: readServices(top.services ?? {}, join(folder, BOUNDS.socketName)),
  };
}

function readFolder(value: unknown): string {
  const path = folderPath(value, 'config.folder');
  const { socketPathBytesMax, socketName } = BOUNDS;
  const room = socketPathBytesMax - socketName.length - 1;
  return Buffer.byteLength(path) <= room ? path : refuse('config.folder', path, `at most ${room} bytes`);
}

/** Neither root nor the runtime may be among the hosts' users: a host could signal its own user's processes. */
function readHosts(value: unknown, runtimeUid: number): LaunchConfig['hosts'] {
  const path = 'config.hosts';
  const hosts = fields(value, path, 'uidFirst countMax');
  const uidFirst = whole(hosts.uidFirst, `${path}.uidFirst`, 1, uidMax);
  const countMax = whole(hosts.countMax, `${path}.countMax`, 1, BOUNDS.hostsMax);
  const last = uidFirst + countMax - 1;
  if (last > uidMax) refuse(`${path}.countMax`, countMax, `user ids up to ${uidMax}`);
  if (runtimeUid >= uidFirst && runtimeUid <= last)
    refuse(`${path}.uidFirst`, uidFirst, `a range without the runtime's own ${runtimeUid}`);
  return { uidFirst, countMax };
}

function readCgroup(value: unknown): HostCgroup {
  const path = 'config.cgroup';
  const { parent, memoryBytesMax, pidsMax } = fields(value, path, 'parent memoryBytesMax pidsMax');
  const { hostMemoryBytesMin, hostMemoryBytesMax, hostPidsMin, hostPidsMax } = BOUNDS;
  return {
    parent: folderPath(parent, `${path}.parent`),
    memoryBytesMax: whole(memoryBytesMax, `${path}.memoryBytesMax`, hostMemoryBytesMin, hostMemoryBytesMax),
    pidsMax: whole(pidsMax ?? 64, `${path}.pidsMax`, hostPidsMin, hostPidsMax),
  };
}

function readFlag(value: unknown, path: string): string {
  const valid = typeof value === 'string' && /^--[\x21-\x7e]{1,256}$/.test(value);
  return valid ? value : refuse(path, value, 'one of Node\'s flags, "--…"');
}

function readServices(value: unknown, launcherSocket: string): readonly ServiceConfig[] {
  const { executor, sensors } = fields(value, 'config.services', 'executor sensors');
  const path = 'config.services.sensors';
  const named = Object.entries(fields(sensors ?? {}, path));
  if (named.length > BOUNDS.sensorsMax)
    refuse(path, `${named.length} sensors`, `at most ${BOUNDS.sensorsMax}`);
  const services = [
    ...(executor === undefined ? [] : [readExecutor(executor)]),
    ...named.map(([name, sensor]) => readSensor(name, sensor)),
  ];
  const taken = new Set([launcherSocket]);
  for (const { socket } of services) {
    if (taken.has(socket)) refuse('config.services', socket, 'sockets that differ');
    taken.add(socket);
  }
  return services;
}

function readExecutor(value: unknown): ExecutorService {
  const path = 'config.services.executor';
  const { limits, socket, journal } = fields(value, path, 'limits socket journal');
  return {
    kind: 'executor',
    socket: readSocket(socket, `${path}.socket`),
    limits: absolutePath(limits, `${path}.limits`),
    ...(journal !== undefined && { journal: absolutePath(journal, `${path}.journal`) }),
  };
}

function readSensor(name: string, value: unknown): SensorService {
  const path = `config.services.sensors.${name}`;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name))
    refuse(path, name, 'a name of up to 64 letters, digits, dots, dashes and underscores');
  const sensor = fields(value, path, 'socket arguments');
  const given = list(sensor.arguments, `${path}.arguments`, readArgument);
  if (given.length > BOUNDS.sensorArgumentsMax)
    refuse(`${path}.arguments`, `${given.length} items`, `at most ${BOUNDS.sensorArgumentsMax}`);
  return { kind: 'sensor', name, socket: readSocket(sensor.socket, `${path}.socket`), arguments: given };
}

function readArgument(value: unknown, path: string): string {
  const { sensorArgumentBytesMax: bytesMax } = BOUNDS;
  if (typeof value !== 'string' || value.includes('\0') || Buffer.byteLength(value) > bytesMax)
    return refuse(path, value, `a text of at most ${bytesMax} bytes`);
  return ownFlag.test(value) ? refuse(path, value, "a sensor's flag or its value, not its socket") : value;
}

function readSocket(value: unknown, path: string): string {
  const socket = normalize(absolutePath(value, path));
  const { socketPathBytesMax } = BOUNDS;
  if (Buffer.byteLength(socket) > socketPathBytesMax)
    refuse(path, socket, `at most ${socketPathBytesMax} bytes`);
  return socket;
}
