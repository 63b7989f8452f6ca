import { parseArgs } from 'node:util';
import { join } from 'node:path';
import { createExecutor } from '../../executor/create-executor.ts';
import { createSimulatedMachine } from '../../executor/kernel-simulated.ts';
import { parseLimits } from '../../executor/parse-limits.ts';
import { SPACE, type OwnerRef } from '../../executor/plan.ts';
import { success } from '../../executor/result.ts';
import { serveExecutor } from '../../executor/server.ts';
import { serveFrames } from '../../executor/wire/frame-server.ts';
import type { Sample } from '../../runtime/telemetry/source.ts';

/**
 * An executor over a simulated machine and a sensor for each of its scopes, behind the sockets of real ones: what a
 * daemon talks to where nothing may be moved. One page in `HOT_EVERY` is hot; every `SHIFT_EPOCHS` others are.
 */

const HOT_EVERY = 8;
const SHIFT_EPOCHS = 64;
const HOT_ACCESSES = 40;
const FIRST_PAGE = 4096;

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    /** Names; the cgroup of each is /NAME. */
    scopes: { type: 'string', default: 'batch' },
    /** Of each scope. */
    pages: { type: 'string', default: '1000' },
    /** By which epoch samples differ; 0 = they never do. */
    shift: { type: 'string', default: String(SHIFT_EPOCHS) },
  },
});
const folder = values.folder!;
const names = values.scopes.split(',');
const pages = Number(values.pages);
const shiftEpochs = Number(values.shift);

const fastPages = Math.ceil((pages * names.length) / 4);
const machine = createSimulatedMachine({
  nodes: [fastPages, 2 * pages * names.length].map((capacityPages, id) => ({
    ...{ node: id, tier: id, hasCpus: id === 0, capacityPages, bandwidthMib: 0 },
    latencyNs: id === 0 ? 100 : 250,
  })),
  moveCostNs: 3000,
  seed: 1,
});

const limits = parseLimits({
  scopes: Object.fromEntries(
    names.map((name) => [
      name,
      {
        members: { kind: 'cgroup', path: `/${name}` },
        nodes: { 0: {}, 1: {} },
        pagesPerEpochMax: Math.ceil(pages / 8),
      },
    ]),
  ),
  headroomPagesMax: fastPages,
  journal: { bytesMax: 65_536 },
});
if (!limits.ok) throw new Error(limits.message);

const executor = createExecutor({
  kernel: machine.kernel,
  limits: limits.value,
  journal: { append: () => success(undefined), close() {} },
  clock: { nowMs: () => Date.now() },
});
const servers = [await serveExecutor({ executor, socketPath: join(folder, 'executor.sock') })];
for (const name of names) servers.push(await serveSensor(name));
for (const server of servers) if (!server.ok) throw new Error(server.message);

process.once('SIGTERM', () => {
  for (const server of servers) if (server.ok) void server.value.close();
});
process.stderr.write('simulated services: ready\n');

function serveSensor(name: string) {
  const owner = machine.spawn({ cgroup: `/${name}` });
  const pageNumber = Float64Array.from({ length: pages }, (_, i) => FIRST_PAGE + i);
  machine.touchMany(owner, pageNumber);
  let epoch = 0;
  return serveFrames({
    socketPath: join(folder, `sensor-${name}.sock`),
    answer: async () => success(look(owner, pageNumber, epoch++)),
  });
}

function look(owner: OwnerRef, pageNumber: Float64Array, epoch: number): Sample {
  const shift = shiftEpochs === 0 ? 0 : Math.floor(epoch / shiftEpochs);
  const isHot = (page: number): boolean => page % HOT_EVERY === shift % HOT_EVERY;
  const accesses = Uint32Array.from({ length: pages }, (_, page) => (isHot(page) ? HOT_ACCESSES : 0));
  return {
    ...{ lengthMs: 1000, samplingPeriod: 1000, space: SPACE.virtual, owners: [owner] },
    rows: {
      ...{ owner: new Uint16Array(pages), pageNumber, accesses, writes: new Uint32Array(pages) },
      pages: new Uint32Array(pages).fill(1),
      node: Uint8Array.from(machine.nodesOf(owner, pageNumber)),
      flags: new Uint8Array(pages),
      coverage: new Uint8Array(pages).fill(255),
    },
  };
}
