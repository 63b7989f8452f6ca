import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { MAPPER_POLICY, type FrameMappers } from '../../../../executor/frame-mappers.ts';
import { openFrameWalk } from '../../../../executor/linux/bpf/frame-walk.ts';
import { createMapperFinder, type FrameWalk } from '../../../../executor/linux/find-mappers.ts';
import { createFrameCache } from '../../../../executor/linux/frame-cache.ts';
import { openFrameFlags, type FrameFlags } from '../../../../executor/linux/frame-flags.ts';
import { createFrameScan } from '../../../../executor/linux/frame-scan.ts';
import { listAllPids } from '../../../../executor/linux/list-pids.ts';
import type { Driver } from '../driver.ts';
import { MAPPER_KINDS, type MapperKind } from '../mapper-kinds.ts';
import { compareMappers, headsOf, readMapperTruth, type MapperTruth } from '../mapper-truth.ts';
import type { Reporter } from '../reporter.ts';
import { demand } from '../services.ts';
import { startWorkload, type Workload } from '../workload.ts';

const MM = '/sys/kernel/mm';
const CPUSET_NODES = 0b11;

interface Ways {
  readonly flags: FrameFlags;
  readonly walk: FrameWalk;
  readonly report: Reporter;
}

export const run: Driver = async (scenario, report) => {
  const { pages = 0, children = 0 } = scenario.parameters;
  writeFileSync(`${MM}/hugepages/hugepages-2048kB/nr_hugepages`, '16');
  writeFileSync(`${MM}/transparent_hugepage/shmem_enabled`, 'advise');
  const started = performance.now();
  const walk = demand(openFrameWalk());
  report.note('walk opened', { ms: Math.round(performance.now() - started) });
  const ways = { flags: demand(openFrameFlags('/')), walk, report };
  for (const kind of MAPPER_KINDS) await compareKind(kind, pages, children, ways);
  await reportBound(ways);
  walk.close();
  reportLockdown(report);
};

/** Asks all three ways about every frame that processes of this kind map, in all of their memory. */
async function compareKind(kind: MapperKind, pages: number, children: number, ways: Ways): Promise<void> {
  const { flags, walk, report } = ways;
  const workload = await startWorkload('mappers', '/workload');
  const [, , ...pids] = (await workload.ask(`map ${kind} ${pages} ${children}`)).map(Number);
  if (kind === 'ksm') await mergePages();
  const truth = readMapperTruth(pids);
  const asked = headsOf(truth);
  const scan = createFrameScan({ root: '/', listPids: () => listAllPids('/'), flags });
  const cache = createFrameCache({ root: '/', flags });
  const finder = createMapperFinder({ root: '/', scan, cache, walk, residentPages: () => Number.MAX_VALUE });

  report.fact(`${kind}.frames`, asked.length);
  reportWay(report, `${kind}.scan`, truth, asked, demand(scan.find(asked)));
  const walked = demand(walk.find(asked));
  reportWay(report, `${kind}.walk`, truth, asked, walked);
  const found = demand(finder.find(asked));
  reportWay(report, `${kind}.find`, truth, asked, found);
  report.note(`${kind}.find`, { ...found.how });
  if (kind === 'ksm') report.fact('ksm.sharedFrames', countShared(truth));
  if (kind === 'plain') {
    report.fact('plain.rowsSaidBound', countPolicy(walked, MAPPER_POLICY.bound));
    const again = demand(finder.find(asked));
    const { wrong, missing } = compareMappers(truth, asked, again);
    report.fact('again.cached', again.how?.cached ?? 0);
    report.fact('again.wrong', wrong);
    report.fact('again.missing', missing);
  }
  await endAll(workload, pids);
}

function reportWay(
  report: Reporter,
  name: string,
  truth: MapperTruth,
  asked: Float64Array,
  said: FrameMappers,
): void {
  const { unknown, truncated, wrong, missing } = compareMappers(truth, asked, said);
  report.fact(`${name}.wrong`, wrong);
  report.fact(`${name}.missing`, missing);
  report.fact(`${name}.open`, unknown + truncated);
  report.fact(`${name}.openPart`, (unknown + truncated) / asked.length);
}

/** The walk says beside the mapper what its memory policy and its cpuset allow. */
async function reportBound({ walk, report }: Ways): Promise<void> {
  const workload = await startWorkload('kinds', '/narrow');
  writeFileSync('/sys/fs/cgroup/narrow/cpuset.mems', '0-1');
  const [address, pages] = (await workload.ask('map bound 64 1')).map(Number);
  const first = Number(address) / 4096;
  const truth = readMapperTruth([workload.pid]);
  const asked = headsOf(truth).filter((head) =>
    [...(truth.byHead.get(head) ?? [])].some((key) =>
      isWithin(Number(key.split(':')[1]), first, Number(pages)),
    ),
  );
  const said = demand(walk.find(asked));
  report.fact('bound.rows', said.frame.length);
  report.fact('bound.rowsSaidFree', said.frame.length - countPolicy(said, MAPPER_POLICY.bound));
  const beyond = said.allowedNodes?.filter((lane, at) => (at % 2 === 0 ? lane !== CPUSET_NODES : lane !== 0));
  report.fact('bound.rowsBeyondCpuset', beyond?.length ?? -1);
  await endAll(workload, [workload.pid]);
}

/** Lockdown only ever tightens, so it comes last. */
function reportLockdown(report: Reporter): void {
  execFileSync('mount', ['-t', 'securityfs', 'security', '/sys/kernel/security']);
  const lockdown = '/sys/kernel/security/lockdown';
  writeFileSync(lockdown, 'integrity');
  const open = openFrameWalk();
  report.fact('lockdown.integrityOpens', open.ok ? 1 : 0);
  if (open.ok) open.value.close();
  writeFileSync(lockdown, 'confidentiality');
  const refused = openFrameWalk();
  report.note('confidentiality', refused.ok ? {} : { code: refused.code, message: refused.message });
  report.fact(
    'lockdown.confidentialityRefuses',
    !refused.ok && refused.code === 'kernel-locked-down' ? 1 : 0,
  );
}

/** Lets KSM merge what it finds, in a few full rounds, and then stand still. */
async function mergePages(): Promise<void> {
  const rounds = (): number => Number(readFileSync(`${MM}/ksm/full_scans`, 'utf8'));
  const until = rounds() + 4;
  writeFileSync(`${MM}/ksm/pages_to_scan`, '20000');
  writeFileSync(`${MM}/ksm/sleep_millisecs`, '5');
  writeFileSync(`${MM}/ksm/run`, '1');
  while (rounds() < until) await sleep(50);
  writeFileSync(`${MM}/ksm/run`, '0');
}

function countShared({ byHead }: MapperTruth): number {
  return [...byHead.values()].filter((mappers) => mappers.size > 1).length;
}

function countPolicy({ policy }: FrameMappers, wanted: number): number {
  return policy?.filter((each) => each === wanted).length ?? -1;
}

function isWithin(page: number, first: number, pages: number): boolean {
  return page >= first && page < first + pages;
}

/** Children end with their parent; the next kind shares the program's text with none of them. */
async function endAll(workload: Workload, pids: readonly number[]): Promise<void> {
  await workload.kill();
  while (pids.some((pid) => existsSync(`/proc/${pid}`))) await sleep(20);
}
