import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const NODES = '/sys/devices/system/node';
const BLOCKS = '/sys/devices/system/memory';

/** Numbers of a node's memory blocks, whether online or not. */
export function blocksOfNode(node: number): number[] {
  return readdirSync(`${NODES}/node${node}`).flatMap(
    (name) => /^memory(\d+)$/.exec(name)?.slice(1).map(Number) ?? [],
  );
}

export function firstFrameOfBlock(block: number): number {
  return block * (Number.parseInt(readFileSync(`${BLOCKS}/block_size_bytes`, 'utf8'), 16) / 4096);
}

/** Takes a block from the kernel, or gives it back as movable memory (admin-guide/mm/memory-hotplug.rst). */
export function setBlock(block: number, state: 'offline' | 'online_movable'): void {
  writeFileSync(`${BLOCKS}/memory${block}/state`, state);
}
