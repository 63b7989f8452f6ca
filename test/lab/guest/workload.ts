import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** A C program of workloads/ that answers one line per command. */
export interface Workload {
  readonly pid: number;
  /** Sends one command and awaits its answer: the words after the first, which names it. */
  ask(command: string): Promise<string[]>;
  kill(): Promise<void>;
}

/** Puts a process into a cgroup at `/sys/fs/cgroup` + path, making the group when needed. */
export function enterCgroup(path: string, pid: number): void {
  const folder = `/sys/fs/cgroup${path}`;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}/cgroup.procs`, `${pid}`);
}

/** Keeps a process on CPU 0: whoever does so draws free frames from the same list, last freed first. */
export function keepOnFirstCpu(pid: number): void {
  const { status, stderr } = spawnSync('taskset', ['-p', '1', `${pid}`]);
  if (status !== 0) throw new Error(`taskset: ${stderr}`);
}

/** Starts a workload inside a cgroup; it maps nothing before its first command, so all it has is charged there. */
export async function startWorkload(name: string, cgroup: string): Promise<Workload> {
  const child = spawn(`/workloads/${name}`, { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const pid = child.pid;
  if (pid === undefined) throw new Error(`workload ${name} did not start`);
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  enterCgroup(cgroup, pid);
  return {
    pid,
    ask: async (command) => {
      child.stdin.write(`${command}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error(`workload ${name} ended at: ${command}`);
      return value.trim().split(/\s+/).slice(1);
    },
    kill: () => {
      child.kill('SIGKILL');
      return ended;
    },
  };
}
