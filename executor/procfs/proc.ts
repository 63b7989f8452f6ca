import { join } from 'node:path';
import { BOUNDS } from '../limits.ts';
import type { OwnerRef } from '../plan.ts';
import { readText, type ReadFault } from './read-file.ts';
import { failure, success, type Result } from '../result.ts';

/** PF_KTHREAD of include/linux/sched.h. */
const kernelThreadFlag = 0x0020_0000;

export type ProcFault = ReadFault | 'proc-malformed' | 'kernel-thread' | 'owner-gone' | 'owner-malformed';

/** What /proc/PID/stat tells about who a process is; proc_pid_stat(5) fields 9, 22 and 28. */
export interface ProcStat {
  readonly startTimeTicks: number;
  /** '0' without PTRACE_MODE_READ access, and for a process without memory. */
  readonly stackStart: string;
  readonly kernelThread: boolean;
}

export interface Uids {
  readonly real: number;
  readonly effective: number;
  readonly saved: number;
  readonly fileSystem: number;
}

/** The command name is the process' own choice, parentheses and spaces included: the last `)` ends it. */
export function parseStat(text: string): ProcStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [flags, start, stack] = [fields[9 - 3], fields[22 - 3], fields[28 - 3]];
  if (!isDigits(flags) || !isDigits(start) || !isDigits(stack)) return undefined;
  return {
    startTimeTicks: Number(start),
    stackStart: stack,
    kernelThread: (Number(flags) & kernelThreadFlag) !== 0,
  };
}

export function readStat(root: string, pid: number): Result<ProcStat, ProcFault> {
  const text = readText(procPath(root, pid, 'stat'));
  if (!text.ok) return text;
  const stat = parseStat(text.value);
  return stat
    ? success(stat)
    : failure('proc-malformed', `/proc/${pid}/stat has an unknown form; report the kernel version`);
}

/** The reference that names the memory a process has now. */
export function readOwnerRef(root: string, pid: number): Result<OwnerRef, ProcFault> {
  const stat = readStat(root, pid);
  if (!stat.ok) return stat;
  if (stat.value.kernelThread)
    return failure('kernel-thread', `process ${pid} is a kernel thread; leave it out of the plan`);
  if (stat.value.stackStart === '0')
    return failure('permission-missing', `process ${pid} exited or hides its stack; grant CAP_SYS_PTRACE`);
  return success({ pid, startTimeTicks: stat.value.startTimeTicks, stackStart: stat.value.stackStart });
}

/** Fails unless the pid still names the process and the memory that the reference names. */
export function checkOwnerRef(root: string, ref: OwnerRef): Result<true, ProcFault> {
  if (!isOwnerRef(ref))
    return failure('owner-malformed', 'an owner needs a pid, a start time and a stack start');
  const now = readOwnerRef(root, ref.pid);
  if (!now.ok) return now.code === 'file-missing' ? gone(ref) : now;
  const same = now.value.startTimeTicks === ref.startTimeTicks && now.value.stackStart === ref.stackStart;
  return same ? success(true) : gone(ref);
}

export function isOwnerRef(value: unknown): value is OwnerRef {
  if (typeof value !== 'object' || value === null) return false;
  const { pid, startTimeTicks, stackStart } = value as Record<string, unknown>;
  return (
    Number.isInteger(pid) &&
    (pid as number) >= 1 &&
    (pid as number) <= BOUNDS.pidMax &&
    Number.isSafeInteger(startTimeTicks) &&
    (startTimeTicks as number) >= 0 &&
    typeof stackStart === 'string' &&
    /^[1-9]\d{0,19}$/.test(stackStart)
  );
}

/** The process' path in the unified cgroup hierarchy, as seen from the reader's cgroup namespace. */
export function readCgroup(root: string, pid: number): Result<string, ProcFault> {
  const text = readText(procPath(root, pid, 'cgroup'));
  if (!text.ok) return text;
  const line = text.value.split('\n').find((each) => each.startsWith('0::/'));
  if (line === undefined)
    return failure('proc-malformed', `process ${pid} is in no cgroup v2; mount the unified hierarchy`);
  return success(line.slice(3));
}

/** Whether a cgroup path lies in or below another, compared by whole components. */
export function isCgroupWithin(path: string, ancestor: string): boolean {
  if (!isCgroupPath(path) || !isCgroupPath(ancestor)) return false;
  const prefix = ancestor.endsWith('/') ? ancestor : `${ancestor}/`;
  return path === ancestor || `${path}/`.startsWith(prefix);
}

/** Absolute and without `..`, which the kernel shows for groups outside the reader's namespace. */
export function isCgroupPath(path: string): boolean {
  return path.startsWith('/') && !path.includes('\0') && !path.split('/').includes('..');
}

export function readUids(root: string, pid: number): Result<Uids, ProcFault> {
  const values = readStatusField(root, pid, 'Uid');
  if (!values.ok) return values;
  const uids = values.value.split(/\s+/);
  const [real, effective, saved, fileSystem] = uids.map(Number);
  if (uids.length !== 4 || !uids.every(isDigits))
    return failure('proc-malformed', `/proc/${pid}/status has no four uids`);
  return success({ real, effective, saved, fileSystem });
}

/**
 * A process is a user's only when all four ids say so: a daemon that merely acts for the user (seteuid)
 * or could become someone else (saved id) is not.
 */
export function isOfUser(uids: Uids, uid: number): boolean {
  return uids.real === uid && uids.effective === uid && uids.saved === uid && uids.fileSystem === uid;
}

/** Node ids that cpusets allow the process: Mems_allowed_list of proc_pid_status(5). */
export function readAllowedNodes(root: string, pid: number): Result<ReadonlySet<number>, ProcFault> {
  const list = readStatusField(root, pid, 'Mems_allowed_list');
  if (!list.ok) return list;
  const nodes = parseIdList(list.value);
  return nodes
    ? success(new Set(nodes))
    : failure('proc-malformed', `/proc/${pid}/status: Mems_allowed_list is no list`);
}

/** Ids of a kernel list such as `0-3,8`, ascending; undefined when malformed or above 1,024 (MAX_NUMNODES). */
export function parseIdList(text: string, idMax = 1_024): number[] | undefined {
  const ids: number[] = [];
  if (text.trim() === '') return ids;
  for (const part of text.trim().split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) return undefined;
    const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
    if (first > last || last > idMax) return undefined;
    for (let id = first; id <= last; id++) ids.push(id);
  }
  return ids;
}

export function procPath(root: string, pid: number, name: string): string {
  return join(root, 'proc', String(pid), name);
}

function readStatusField(root: string, pid: number, field: string): Result<string, ProcFault> {
  const text = readText(procPath(root, pid, 'status'));
  if (!text.ok) return text;
  // The name line comes first and the kernel escapes newlines in it, so a field cannot be forged.
  const line = text.value.split('\n').find((each) => each.startsWith(`${field}:`));
  return line === undefined
    ? failure('proc-malformed', `/proc/${pid}/status has no ${field}; report the kernel version`)
    : success(line.slice(field.length + 1).trim());
}

function gone(ref: OwnerRef): Result<never, ProcFault> {
  return failure('owner-gone', `process ${ref.pid} exited or replaced its memory; drop it from the plan`);
}

function isDigits(text: string | undefined): text is string {
  return text !== undefined && /^\d+$/.test(text);
}
