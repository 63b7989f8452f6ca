import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CONFINE_BOUNDS } from '../../../executor/confine/limits.ts';
import { parseConfinement } from '../../../executor/confine/parse-confinement.ts';
import type { Confinement } from '../../../executor/confinement.ts';
import type { Scene } from './break-out.ts';
import { collect, isInReach, openScene } from './break-out.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65_534, gid: 65_534 };
const WAIT = ['-e', "require('fs').writeSync(1, '!'); require('fs').readSync(0, new Uint8Array(1))"];

let scene: Scene;
beforeAll(() => {
  scene = openScene();
});
afterAll(() => scene.close());

/** What the kernel says of a host that is waiting, `name: value` by line. */
async function look(asked: Partial<Confinement>): Promise<{ status: string; limits: string; files: string }> {
  const host = scene.begin(asked, undefined, WAIT);
  await once(host.stdout as Readable, 'data');
  const read = (file: string): string =>
    readFileSync(`/proc/${host.pid}/${file}`, 'utf8').replaceAll(/[ \t]+/g, ' ');
  const seen = { status: read('status'), limits: read('limits'), files: read('environ') };
  host.stdin?.end();
  await collect(host);
  return seen;
}

describe('the stage', () => {
  test('leaves a host no privilege and small limits, as the kernel says itself', async () => {
    const { status, limits, files } = await look({ descriptorsMax: 48 });
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb', ...(isRoot ? ['CapBnd'] : [])])
      expect(status).toMatch(new RegExp(`^${set}: 0+$`, 'm'));
    expect(status).toMatch(/^NoNewPrivs: 1$/m);
    expect(status).toMatch(/^Seccomp: 2$/m);
    for (const limit of [
      'core file size',
      'file size',
      'locked memory',
      'msgqueue size',
      'realtime priority',
    ])
      expect(limits).toMatch(new RegExp(`^Max ${limit} 0 0 `, 'm'));
    expect(limits).toMatch(/^Max open files 48 48 /m);
    expect(files).toBe('');
  });

  test.runIf(isRoot && isInReach(NOBODY.uid))('gives it a user who is nobody else', async () => {
    const { status, limits } = await look({ user: NOBODY });
    expect(status).toMatch(/^Uid: 65534 65534 65534 65534$/m);
    expect(status).toMatch(/^Gid: 65534 65534 65534 65534$/m);
    expect(status).toMatch(/^Groups: ?$/m);
    expect(limits).toMatch(new RegExp(`^Max processes ${CONFINE_BOUNDS.threadsOfUserMax} `, 'm'));
  });

  test.runIf(isRoot)(
    'keeps root where that user could not reach what the host reads, and says so',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'terrace-hidden-'));
      const script = join(folder, 'host.mjs');
      writeFileSync(script, "import { writeSync } from 'node:fs'; writeSync(1, String(process.getuid()));");
      chmodSync(folder, 0o700);
      const asked = { readable: [script], user: NOBODY };
      const ended = await collect(scene.begin(asked, undefined, [script]));
      const strict = await collect(scene.begin({ ...asked, required: ['user'] }, undefined, [script]));
      rmSync(folder, { recursive: true });
      expect(ended).toMatchObject({ output: '0', code: 0 });
      expect(ended.report?.missing[0]).toEqual({
        belt: 'user',
        why: `${script} is out of reach for user 65534`,
      });
      expect(ended.report?.held).toContain('capabilities');
      expect(strict).toMatchObject({ output: '', code: 2 });
    },
  );

  test('starts no host without a belt that is required, and says which', async () => {
    const ended = await collect(scene.begin({ required: ['cgroup', 'seccomp'] }, undefined, WAIT));
    expect(ended).toMatchObject({ output: '', code: 2 });
    expect(ended.complaint).toMatch(/^terrace: belt-missing: .*cgroup \(none given\).*\n$/);
    expect(ended.report?.missing).toContainEqual({ belt: 'cgroup', why: 'none given' });
  });

  test('enters no folder that is no cgroup', async () => {
    const host = scene.begin({ cgroup: '/nowhere', required: ['seccomp'] }, undefined, WAIT);
    host.stdin?.end();
    const { report } = await collect(host);
    expect(report?.missing).toContainEqual({ belt: 'cgroup', why: expect.stringContaining('/nowhere') });
  });

  test('lets nothing run but Node', async () => {
    const host = scene.begin({}, undefined, []);
    host.stdin?.end();
    // Without a script Node reads its standard input, which is allowed; another program is not.
    expect(await collect(host)).toMatchObject({ code: 0 });
    const other = scene.begin({}, undefined, ['-e', 'process.execve("/bin/true")']);
    expect((await collect(other)).code).not.toBe(0);
  });

  test('lets a host read only what it was told', async () => {
    const read = (path: string) => ['-e', `require('fs').readFileSync(${JSON.stringify(path)})`];
    const told = await collect(scene.begin({ readable: [scene.file] }, undefined, read(scene.file)));
    const untold = await collect(scene.begin({}, undefined, read(scene.file)));
    expect(told).toMatchObject({ code: 0, complaint: '' });
    expect(untold.complaint).toContain('EACCES');
  });

  test.each([
    ['file-missing', { readable: ['/nowhere/host.mjs'] }],
    ['confinement-malformed', { readable: ['host.mjs'] }],
    ['confinement-malformed', { descriptorsMax: 31 }],
  ] as const)('%s: %j', async (code, asked) => {
    const ended = await collect(scene.begin(asked, undefined, WAIT));
    expect(ended).toMatchObject({ output: '', code: 2, report: undefined });
    expect(ended.complaint).toMatch(new RegExp(`^terrace: ${code}: .*\\n$`));
  });
});

describe('what the stage is asked', () => {
  const asked = { readable: ['/a'], descriptorsMax: 64 };
  const parse = (changed: object) => parseConfinement(JSON.stringify({ ...asked, ...changed }));

  test('in full', () => {
    const whole = { ...asked, user: NOBODY, cgroup: '/sys/fs/cgroup/a', required: ['user'] };
    expect(parse(whole)).toEqual({ ok: true, value: whole });
    expect(parse({})).toEqual({ ok: true, value: { ...asked, required: [] } });
  });

  test('at its edges', () => {
    const { descriptorsMin, descriptorsMax } = CONFINE_BOUNDS;
    for (const count of [descriptorsMin, descriptorsMax])
      expect(parse({ descriptorsMax: count }).ok).toBe(true);
    for (const count of [descriptorsMin - 1, descriptorsMax + 1, 64.5, '64', undefined])
      expect(parse({ descriptorsMax: count }).ok).toBe(false);
    for (const id of [1, 4_294_967_294]) expect(parse({ user: { uid: id, gid: id } }).ok).toBe(true);
    for (const id of [0, -1, 4_294_967_295]) expect(parse({ user: { uid: id, gid: 1 } }).ok).toBe(false);
  });

  test.each([
    { readable: '/a' },
    { readable: ['a'] },
    { readable: ['/a/../b'] },
    { readable: ['/a\0'] },
    { user: { uid: 1 } },
    { cgroup: 'a' },
    { required: ['seccom'] },
    { executable: [] },
  ])('not: %j', (changed) => {
    expect(parse(changed)).toMatchObject({ ok: false, code: 'confinement-malformed' });
  });

  test('no JSON', () => {
    for (const text of ['', '{', 'null', '[]']) expect(parseConfinement(text).ok).toBe(false);
  });
});
