import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The files that goals read, under a root of their own. */
export interface MetricFiles {
  readonly root: string;
  write(file: string, text: string): void;
  setMemory(node: number, totalKib: number, freeKib: number): void;
  setStalledUs(totalUs: number): void;
  remove(): void;
}

export function createMetricFiles(): MetricFiles {
  const root = mkdtempSync(path.join(tmpdir(), 'terrace-quota-'));

  function write(file: string, text: string): void {
    const at = path.join(root, file);
    mkdirSync(path.dirname(at), { recursive: true });
    writeFileSync(at, text);
  }

  return {
    root,
    write,
    setMemory: (node, totalKib, freeKib) => write(meminfoOf(node), meminfo(node, totalKib, freeKib)),
    setStalledUs: (totalUs) => write(PRESSURE, pressure(totalUs)),
    remove: () => rmSync(root, { recursive: true }),
  };
}

export const PRESSURE = 'proc/pressure/memory';
export const meminfoOf = (node: number) => `sys/devices/system/node/node${node}/meminfo`;

function meminfo(node: number, totalKib: number, freeKib: number): string {
  const line = (name: string, kib: number) => `Node ${node} ${name}:${String(kib).padStart(15)} kB\n`;
  const used = line('MemUsed', totalKib - freeKib);
  return line('MemTotal', totalKib) + line('MemFree', freeKib) + used + line('SwapCached', 0);
}

function pressure(totalUs: number): string {
  const averages = 'avg10=0.12 avg60=0.05 avg300=0.01';
  return `some ${averages} total=${totalUs}\nfull ${averages} total=${totalUs >> 1}\n`;
}
