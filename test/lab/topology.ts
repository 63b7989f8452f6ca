/** One memory node of the emulated machine. */
export interface NodeSpec {
  readonly sizeMib: number;
  /** CPUs live on this node. */
  readonly hasCpus?: boolean;
  /** A DIMM plugged in at boot: all of it ZONE_MOVABLE, so that it can be unplugged again. */
  readonly hotPlug?: boolean;
  /** As HMAT reports them, seen from the CPUs. */
  readonly latencyNs: number;
  readonly bandwidthGib: number;
}

export interface MachineTopology {
  readonly name: string;
  readonly description: string;
  readonly cpus: number;
  readonly nodes: readonly NodeSpec[];
  /** SLIT distances, row per node. */
  readonly distances: readonly (readonly number[])[];
}

/** Three real tiers and a fourth node of movable memory. Only the last node may consist of DIMMs alone. */
export const FOUR_NODES: MachineTopology = {
  name: 'four-nodes',
  description:
    'CPUs + 2 GiB; two CPU-less nodes of 1 GiB (250 ns, 600 ns); a hot-plug DIMM of 1 GiB (900 ns)',
  cpus: 2,
  nodes: [
    { sizeMib: 2048, hasCpus: true, latencyNs: 80, bandwidthGib: 100 },
    { sizeMib: 1024, latencyNs: 250, bandwidthGib: 30 },
    { sizeMib: 1024, latencyNs: 600, bandwidthGib: 10 },
    { sizeMib: 1024, hotPlug: true, latencyNs: 900, bandwidthGib: 5 },
  ],
  distances: [
    [10, 20, 31, 50],
    [20, 10, 40, 60],
    [31, 40, 10, 60],
    [50, 60, 60, 10],
  ],
};

/** The topology as QEMU arguments (qemu-system-x86_64(1), -numa and -device pc-dimm). */
export function machineArguments(topology: MachineTopology): string[] {
  const staticMib = topology.nodes.reduce((sum, node) => sum + (node.hotPlug ? 0 : node.sizeMib), 0);
  const initiator = topology.nodes.findIndex((node) => node.hasCpus);
  const args = [
    '-machine',
    'q35,hmat=on',
    '-smp',
    `${topology.cpus}`,
    '-m',
    `${staticMib}M,slots=4,maxmem=16G`,
  ];
  topology.nodes.forEach((node, id) => {
    args.push('-object', `memory-backend-ram,id=m${id},size=${node.sizeMib}M`);
    const cpus = node.hasCpus ? `cpus=0-${topology.cpus - 1}` : `initiator=${initiator}`;
    args.push('-numa', `node,nodeid=${id},${cpus}${node.hotPlug ? '' : `,memdev=m${id}`}`);
    if (node.hotPlug) args.push('-device', `pc-dimm,id=dimm${id},memdev=m${id},node=${id}`);
  });
  topology.distances.forEach((row, source) =>
    row.forEach((distance, target) => {
      if (target > source) args.push('-numa', `dist,src=${source},dst=${target},val=${distance}`);
    }),
  );
  topology.nodes.forEach((node, target) => {
    const pair = `hmat-lb,initiator=${initiator},target=${target},hierarchy=memory`;
    args.push('-numa', `${pair},data-type=access-latency,latency=${node.latencyNs}`);
    args.push('-numa', `${pair},data-type=access-bandwidth,bandwidth=${node.bandwidthGib}G`);
  });
  return args;
}
