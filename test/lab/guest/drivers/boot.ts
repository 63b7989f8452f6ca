import { readFileSync, readdirSync } from 'node:fs';
import type { Driver } from '../driver.ts';
import { clearSoftDirty, expandRuns, softDirtyPages } from '../truth.ts';
import { startWorkload } from '../workload.ts';

const TIERS = '/sys/devices/virtual/memory_tiering';
const ROUND_DIVISOR = 20;

export const run: Driver = async (scenario, report) => {
  const uptimeSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  report.fact('bootMs', Math.round(uptimeSeconds * 1000));
  const nodes = readdirSync('/sys/devices/system/node').filter((name) => /^node\d+$/.test(name));
  report.fact('nodes', nodes.length);
  const tiers = readdirSync(TIERS).filter((name) => name.startsWith('memory_tier'));
  report.fact('tiers', tiers.length);
  for (const tier of tiers)
    report.note(tier, { nodes: readFileSync(`${TIERS}/${tier}/nodelist`, 'utf8').trim() });

  const { hotPages = 0, coldPages = 0, startNode = 0 } = scenario.parameters;
  const pages = await startWorkload('pages', '/workload');
  const [address] = await pages.ask(`map ${startNode} ${hotPages} ${coldPages}`);
  const places = (await pages.ask('nodes')).map(Number);
  report.fact('hotPagesOnStartNode', places[startNode] as number);
  report.fact('coldPagesOnStartNode', places[startNode + 10] as number);

  clearSoftDirty(pages.pid);
  await pages.ask('round');
  const dirty = softDirtyPages(pages.pid, Number(address) / 4096, hotPages + coldPages);
  report.note('soft-dirty', { dirty });
  report.fact('dirtyPagesBeyondRound', dirty - hotPages - expectedCold(hotPages, coldPages));
  report.fact('badPages', Number((await pages.ask('verify'))[0]));

  const kinds = await startWorkload('kinds', '/workload');
  const [start] = await kinds.ask(`map plain 64 ${startNode}`);
  report.note('raw move_pages', { answer: (await kinds.ask(`raw ${start} 64 0`)).join(' ') });
  const moved = expandRuns(await kinds.ask(`nodes ${start} 64`)).filter((node) => node === 0);
  report.fact('rawMovedPages', moved.length);
};

/** Cold pages that the workload's first round writes: it says which in workloads/pages.c. */
function expectedCold(hotPages: number, coldPages: number): number {
  const stripes = (hotPages + coldPages) / hotPages;
  let count = 0;
  for (let page = 0; page < hotPages + coldPages; page++)
    if (Math.floor(page / 64) % stripes !== 0 && page % ROUND_DIVISOR === 0) count++;
  return count;
}
