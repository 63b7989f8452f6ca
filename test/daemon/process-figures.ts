import { readdirSync, readFileSync } from 'node:fs';

/** Of Linux on x86-64, whatever the kernel's own tick: proc_pid_stat(5) counts in these. */
const TICK_MS = 10;
const KIB = 1024;

/** Processor time of all threads, user and system, since the process began. */
export function readCpuMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return (userTicks + systemTicks) * TICK_MS;
}

/** Memory of the process alone: what it shares with others, such as Node's text, is divided among them. */
export function readPssBytes(pid: number): number {
  return readKib(`/proc/${pid}/smaps_rollup`, 'Pss');
}

/** Resident memory that no file is behind: heap and stacks. */
export function readAnonymousBytes(pid: number): number {
  return readKib(`/proc/${pid}/status`, 'RssAnon');
}

export function countDescriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

function readKib(file: string, name: string): number {
  const found = new RegExp(`^${name}:\\s*(\\d+) kB$`, 'm').exec(readFileSync(file, 'utf8'));
  if (!found) throw new Error(`${file} has no ${name}`);
  return Number(found[1]) * KIB;
}
