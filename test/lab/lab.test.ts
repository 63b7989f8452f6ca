import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { NO_FRAME_MOVES } from '../../executor/plan.ts';
import { VERDICT } from '../../executor/verdict.ts';
import { writeArchive } from './archive.ts';
import { cached, digestOf, exists, workFolder } from './cache.ts';
import { runCommand } from './command.ts';
import { sourcesWithBackports } from './debian.ts';
import { compareOutcome } from './guest/comparison.ts';
import { buildWorkload } from './image.ts';
import { givenKernel, stockImages } from './kernel.ts';
import { unmetOptions } from './kernel-own/build.ts';
import { factsOf, judge } from './scenario.ts';
import { SCENARIOS } from './scenarios/index.ts';
import { physRaw } from './scenarios/phys-raw.ts';
import { FOUR_NODES, machineArguments } from './topology.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lab-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('judge', () => {
  it('takes inclusive bounds and fails what was never reported', () => {
    const facts = factsOf([{ fact: 'a', value: 3 }, { note: 'x' }, { fact: 'b', value: 4 }]);
    const wanted = [
      { fact: 'a', min: 3, max: 3 },
      { fact: 'b', max: 3 },
      { fact: 'c', min: 0 },
    ];
    expect(judge(wanted, facts).map(({ value, met }) => [value, met])).toEqual([
      [3, true],
      [4, false],
      [undefined, false],
    ]);
  });
});

describe('stock kernels', () => {
  it('are found newest first, without variants', () => {
    const names = [
      'linux-image-6.12.9+bpo-amd64',
      'linux-image-6.12.117+deb12-amd64',
      'linux-image-6.12.41+deb13-amd64',
      'linux-image-6.12.41+deb13-cloud-amd64',
      'linux-image-6.12.41+deb13-rt-amd64',
      'linux-image-6.12.41+deb13-amd64-dbg',
      'linux-image-6.1.0-40-amd64',
      'linux-image-6.12-amd64',
    ];
    expect(stockImages(names, '6.12')).toEqual([
      'linux-image-6.12.117+deb12-amd64',
      'linux-image-6.12.41+deb13-amd64',
      'linux-image-6.12.9+bpo-amd64',
    ]);
  });

  it('may come from the backports of the sources the machine has', () => {
    const targets =
      'http://a.example/debian/ bookworm\nhttp://a.example/debian-security/ bookworm-security\n';
    expect(sourcesWithBackports(targets, '/k.gpg').trim().split('\n')).toEqual([
      'deb [signed-by=/k.gpg] http://a.example/debian/ bookworm main',
      'deb [signed-by=/k.gpg] http://a.example/debian/ bookworm-backports main',
      'deb [signed-by=/k.gpg] http://a.example/debian-security/ bookworm-security main',
    ]);
  });

  it('refuses a file that is no kernel', async () => {
    const file = join(folder, 'no-kernel');
    await writeFile(file, Buffer.alloc(8192));
    expect(await givenKernel(file)).toMatchObject({ ok: false, code: 'kernel-unreadable' });
    expect(await givenKernel(join(folder, 'absent'))).toMatchObject({ ok: false, code: 'kernel-unreadable' });
  });
});

describe('comparing an outcome with the truth', () => {
  const owner = { pid: 7, startTimeTicks: 1, stackStart: '1' };
  const wishes = [0, 1, 2].map((page) => ({ owner, page, pages: 1, target: 1 }));
  const placed = (...nodes: number[]) => new Map(nodes.map((node, page) => [`7:${page}`, node]));
  const said = (verdicts: number[], moved: number[], flow: number) => ({
    ...{ epoch: 1, calls: 1, callNs: 1, flows: flow > 0 ? [{ from: 2, to: 1, pages: flow }] : [] },
    ...{ frames: NO_FRAME_MOVES, verdicts: Uint8Array.from(verdicts), movedPages: Uint32Array.from(moved) },
  });
  const { moved, busy } = VERDICT;

  it('agrees with what happened', () => {
    const found = compareOutcome(
      said([moved, moved, busy], [1, 1, 0], 2),
      wishes,
      placed(2, 2, 2),
      placed(1, 1, 2),
    );
    expect(found).toEqual({
      ...{ saidMovedPages: 2, trueMovedPages: 2, disagreements: 0, flowDisagreements: 0 },
      verdicts: { moved: 2, busy: 1 },
    });
  });

  it('finds pages that moved untold, that were told and did not move, and false flows', () => {
    const untold = compareOutcome(
      said([moved, busy, busy], [1, 0, 0], 1),
      wishes,
      placed(2, 2, 2),
      placed(1, 1, 2),
    );
    expect(untold).toMatchObject({ trueMovedPages: 2, disagreements: 1, flowDisagreements: 1 });
    const invented = compareOutcome(
      said([moved, moved, busy], [1, 1, 0], 2),
      wishes,
      placed(2, 2, 2),
      placed(1, 2, 2),
    );
    expect(invented).toMatchObject({ trueMovedPages: 1, disagreements: 1, flowDisagreements: 1 });
    const inPlace = compareOutcome(
      said([moved, busy, busy], [0, 0, 0], 0),
      wishes,
      placed(1, 2, 2),
      placed(1, 2, 2),
    );
    expect(inPlace).toMatchObject({ disagreements: 1, flowDisagreements: 0 });
  });
});

describe('own kernel', () => {
  const linux = join(import.meta.dirname, 'kernel-own/linux');

  it('says which options a source does not take', () => {
    const fragment = '# a comment\nCONFIG_A=y\nCONFIG_B=n\nCONFIG_C=n\nCONFIG_D="x"\nCONFIG_E=y\n';
    const config = 'CONFIG_A=y\nCONFIG_C=y\n# CONFIG_B is not set\nCONFIG_D="y"\nCONFIG_E_MORE=y\n';
    expect(unmetOptions(fragment, config)).toEqual(['CONFIG_C=n', 'CONFIG_D="x"', 'CONFIG_E=y']);
  });

  it('keeps what is GPL-2.0-only in a folder that says so', async () => {
    expect(await readFile(join(linux, 'COPYING'), 'utf8')).toContain('GNU GENERAL PUBLIC LICENSE');
    for (const name of ['lab.config', 'move_phys_pages.patch'])
      expect((await readFile(join(linux, name), 'utf8')).split('\n')[0]).toMatch(
        /SPDX-License-Identifier: GPL-2.0-only$/,
      );
  });

  it('has the system call under the number that scenarios name', async () => {
    const patch = await readFile(join(linux, 'move_phys_pages.patch'), 'utf8');
    const number = /^\+(\d+)\tcommon\tmove_phys_pages\t/m.exec(patch)?.[1];
    expect(physRaw.parameters['syscallNumber']).toBe(Number(number));
  });
});

describe('image', () => {
  it('is an archive that cpio reads, parents first, and another can be appended', async () => {
    const file = join(folder, 'a.cpio');
    await writeArchive(file, [
      { path: 'one/two/text', text: 'hello' },
      { path: 'link', link: 'one/two/text' },
    ]);
    await writeArchive(file, [{ path: 'more', text: 'x'.repeat(5) }], { append: true });
    const listed = await runCommand('sh', ['-c', 'exec /bin/busybox cpio -t < "$1" 2>/dev/null', 'sh', file]);
    if (await exists('/bin/busybox'))
      expect(listed).toMatchObject({ value: 'one\none/two\none/two/text\nlink\n' });
    const bytes = await readFile(file, 'latin1');
    expect(bytes.split('TRAILER!!!')).toHaveLength(3);
    expect(bytes.length % 4).toBe(0);
  });

  it('says what the compiler said when a workload does not build', async () => {
    const workloads = join(folder, 'test/lab/workloads');
    await mkdir(workloads, { recursive: true });
    await writeFile(join(workloads, 'workload.h'), '');
    await writeFile(join(workloads, 'broken.c'), 'int main(void) { return nothing; }\n');
    const built = await buildWorkload(folder, 'broken', join(folder, 'cache'));
    expect(built).toMatchObject({ ok: false, code: 'workload-not-built' });
    expect(built).toMatchObject({ message: expect.stringContaining('gcc') });
  });
});

describe('cache', () => {
  it('makes a file once and leaves nothing behind when making fails', async () => {
    const path = join(folder, 'made', 'file');
    await expect(cached(path, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await exists(path)).toBe(false);
    let made = 0;
    const make = async (unfinished: string): Promise<void> => writeFile(unfinished, `${++made}`);
    await cached(path, make);
    await cached(path, make);
    expect(await readFile(path, 'utf8')).toBe('1');
    expect(await digestOf([path], 'a')).not.toBe(await digestOf([path], 'b'));
  });
});

describe('work folders', () => {
  it('are removed when the process that had them is gone, and only then', async () => {
    const parent = join(folder, 'work');
    const dead = await runCommand('sh', ['-c', 'echo $$']);
    await mkdir(join(parent, `a-${dead.ok ? dead.value.trim() : 0}-x`), { recursive: true });
    const first = await workFolder(parent, 'a-12');
    await workFolder(parent, 'b');
    expect(await exists(first)).toBe(true);
    expect(await readdir(parent)).toHaveLength(2);
  });
});

describe('topology', () => {
  it('gives every node memory, distances and an HMAT entry', () => {
    const text = machineArguments(FOUR_NODES).join(' ');
    expect(text).toContain('-m 4096M,slots=4,maxmem=16G');
    expect(text).toContain('-numa node,nodeid=0,cpus=0-1,memdev=m0');
    expect(text).toContain('-device pc-dimm,id=dimm3,memdev=m3,node=3');
    expect(text.match(/-numa dist/g)).toHaveLength(6);
    expect(text.match(/hmat-lb/g)).toHaveLength(8);
  });
});

describe('scenarios', () => {
  it('have names of their own, expectations and a bounded time', () => {
    expect(new Set(SCENARIOS.map(({ name }) => name)).size).toBe(SCENARIOS.length);
    for (const { expectations, timeoutMs } of SCENARIOS) {
      expect(expectations.length).toBeGreaterThan(0);
      expect(timeoutMs).toBeLessThanOrEqual(480_000);
    }
  });
});
