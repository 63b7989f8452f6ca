import { readFileSync } from 'node:fs';
import type { OwnerRef } from '../../../executor/plan.ts';

/** A process as plans name it (proc_pid_stat(5), fields 22 and 28). */
export function readOwner(pid: number): OwnerRef {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, startTimeTicks: Number(fields[19]), stackStart: fields[25] as string };
}
