import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OwnerRef } from '../../executor/plan.ts';
import { readOwnerRef } from '../../executor/procfs/proc.ts';

/** Ranges of a holder process by kind, as first page numbers. */
export type HeldKind = 'plain' | 'untouched' | 'zero' | 'mlocked' | 'bound' | 'file' | 'huge';

export interface Holder {
  readonly ref: OwnerRef;
  readonly pages: Readonly<Record<HeldKind, number>>;
  /** Ends the process and waits until it is gone. */
  end(): Promise<void>;
}

/** A folder of its own for a test file, and how to remove it. */
export function makeFolder(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'terrace-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Starts a process that holds memory; those given the same file share its pages. */
export async function startHolder(file: string): Promise<Holder> {
  writeFileSync(file, '', { flag: 'a' });
  truncateSync(file, HELD.pages * 4_096);
  const child = spawn(process.execPath, [join(import.meta.dirname, 'holder.ts'), file], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return {
    ref: refOf(child),
    pages: JSON.parse(line.toString()) as Record<HeldKind, number>,
    end: () => endProcess(child),
  };
}

export function refOf(child: ChildProcess): OwnerRef {
  const ref = readOwnerRef('/', child.pid ?? 0);
  if (!ref.ok) throw new Error(ref.message);
  return ref.value;
}

export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Pages of each range but the huge one; as in holder.ts. */
export const HELD = { pages: 64 } as const;

export function range(first: number, count: number): Float64Array {
  return Float64Array.from({ length: count }, (_, at) => first + at);
}
