import { benchEpoch } from './epoch.ts';
import { benchFuel } from './fuel.ts';
import { benchIdlePages } from './idle-pages.ts';
import { benchLaunch } from './launch.ts';
import { benchMovePages } from './move-pages.ts';
import { benchResolve } from './resolve.ts';
import { benchSnapshot } from './snapshot.ts';
import type { PairFigures } from './twin.ts';
import { benchValidate } from './validate.ts';

/** One figure beside what it is held against. Only ratios mean anything; nanoseconds tell the scale. */
interface Row {
  readonly what: string;
  readonly ns: number;
  readonly besides?: { readonly what: string; readonly ns: number; readonly ratio: number };
  readonly goal: string;
}

async function epochRows(size: string, regions: number, goal: string): Promise<readonly Row[]> {
  const { simdNsPerRegion, scalarNsPerRegion, cNsPerRegion, ratio } = await benchEpoch(regions);
  const besides = { what: 'the same in C', ns: cNsPerRegion };
  const scalarRatio = scalarNsPerRegion / cNsPerRegion;
  return [
    { what: `epoch, ${size} regions, heat SIMD`, ns: simdNsPerRegion, besides: { ...besides, ratio }, goal },
    {
      what: `epoch, ${size} regions, heat scalar`,
      ns: scalarNsPerRegion,
      besides: { ...besides, ratio: scalarRatio },
      goal: '',
    },
  ];
}

const benches: Readonly<Record<string, () => Promise<readonly Row[]>>> = {
  epoch: async () => [
    ...(await epochRows('1M', 1_000_000, '≤ 4 ns, ≤ 1.3 × C')),
    ...(await epochRows('10M', 10_000_000, '≤ 6 ns')),
  ],
  launch: async () => {
    const { bareNs, confinedNs, hold, heat } = await benchLaunch();
    const bare = { what: 'bare Node', ns: bareNs };
    const goal = '≤ 200 ms, ≤ 4 × bare';
    return [
      {
        what: 'start until confined',
        ns: confinedNs,
        besides: { ...bare, ratio: confinedNs / bareNs },
        goal: '',
      },
      {
        what: 'kill to fresh host with hold',
        ns: hold.ns,
        besides: { ...bare, ratio: hold.ratio },
        goal,
      },
      {
        what: 'kill to fresh host with heat',
        ns: heat.ns,
        besides: { ...bare, ratio: heat.ratio },
        goal,
      },
    ];
  },
  fuel: async () =>
    ['heat', 'heat-scalar'].flatMap((name) => {
      const { plainNsPerRegion, meteredNsPerRegion, ratio, fuelPerRegion, ...load } = benchFuel(name);
      return [
        {
          what: `${name} in Wasm, ${fuelPerRegion.toFixed(0)} fuel a region`,
          ns: meteredNsPerRegion,
          besides: { what: 'without fuel', ns: plainNsPerRegion, ratio },
          goal: '≤ 1.08 × without',
        },
        {
          what: `${name}, to rewrite and compile it`,
          ns: (load.rewriteMs + load.compileMs[1]) * 1e6,
          besides: {
            what: 'to compile the original',
            ns: load.compileMs[0] * 1e6,
            ratio: (load.rewriteMs + load.compileMs[1]) / load.compileMs[0],
          },
          goal: '≤ 15 ms',
        },
      ];
    }),
  validate: async () => {
    const { ourNsPerPage: callNs } = await benchMovePages();
    const { admitNs, arrangeNs, validateNs } = benchValidate(100_000);
    const besides = { what: 'no-op move_pages', ns: callNs, ratio: (admitNs + validateNs) / callNs };
    return [
      { what: 'admit + validate, a page', ns: admitNs + validateNs, besides, goal: '≤ 60 ns, ≤ a third' },
      { what: 'sort and fold into folios, a page', ns: arrangeNs, goal: '' },
    ];
  },
  resolve: async () => {
    const { base, huge, walk, walkRefused } = await benchResolve();
    const besides = ({ cNsPerPage, ratio }: typeof base) => ({
      what: 'the same in C',
      ns: cNsPerPage,
      ratio,
    });
    return [
      {
        what: 'scan for frames, a resident page',
        ns: base.ourNsPerPage,
        besides: besides(base),
        goal: '≤ 1.15 × C',
      },
      {
        what: 'the same, huge pages',
        ns: huge.ourNsPerPage,
        besides: besides(huge),
        goal: '≤ 1.5 × C',
      },
      { what: `walk, a frame of 4,096 ${walkRefused}`, ns: walk?.nsPerFrame ?? Number.NaN, goal: '≤ 200 ns' },
      { what: 'walk, a frame of 65,536', ns: walk?.nsPerFrameOfMany ?? Number.NaN, goal: '' },
    ];
  },
  'move-pages': async () => {
    const { ourNsPerPage, cNsPerPage, ratio } = await benchMovePages();
    return [
      {
        what: 'submit 100k pages, a page',
        ns: ourNsPerPage,
        besides: { what: 'the same in C', ns: cNsPerPage, ratio },
        goal: '≤ 1.1 × C',
      },
    ];
  },
  'idle-pages': async () => {
    const { blocks, dense, gaps } = await benchIdlePages();
    return [
      compare('read and set idle bits, a 2 MiB block', dense, blocks, '≤ 1.15 × C'),
      // Half a microsecond a call more than C; the kernel's own 30 µs for such a run are not in it.
      compare('the same in runs of 7 blocks, a run', gaps, blocks / 8, ''),
    ];
  },
  snapshot: async () => {
    const { pages, quiet, churning } = await benchSnapshot();
    return [
      compare('snapshot, 1M frames, a frame', quiet, pages, '≤ 25 ns, ≤ 2 × C'),
      compare('the same with 1 % born, 1 % dead', churning, pages, '≤ 25 ns, ≤ 2 × C'),
    ];
  },
};

function compare(what: string, { ourNs, cNs, ratio }: PairFigures, units: number, goal: string): Row {
  return { what, ns: ourNs / units, besides: { what: 'the same in C', ns: cNs / units, ratio }, goal };
}

const wanted = process.argv.slice(2);
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  for (const row of await bench()) console.log(format(row));
}

function format({ what, ns, besides, goal }: Row): string {
  const beside = besides
    ? `${besides.what} ${formatTime(besides.ns)}, ratio ${besides.ratio.toFixed(2)}`
    : '';
  return `${what.padEnd(36)} ${formatTime(ns).padStart(10)}   ${beside.padEnd(44)} ${goal && `goal ${goal}`}`;
}

function formatTime(ns: number): string {
  return ns >= 1e6 ? `${(ns / 1e6).toFixed(1)} ms` : `${ns.toFixed(1)} ns`;
}
