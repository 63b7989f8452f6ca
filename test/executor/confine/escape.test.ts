import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Belt, Confinement } from '../../../executor/confinement.ts';
import { ERRNO } from '../../../executor/errno.ts';
import type { Ended, Scene } from './break-out.ts';
import { isInReach, openScene } from './break-out.ts';
import type { Attempt } from './escapee.ts';

const isRoot = process.getuid?.() === 0;
const NOBODY = 65_534;
const SOMEBODY = 23_456;
const EBADF = 9;
/** What a refusal looks like: by the filter, by Landlock, or as a call that does not exist. */
const REFUSALS: readonly number[] = [ERRNO.EPERM, ERRNO.EACCES, ERRNO.ENOSYS];
/** Not refused, but not there: a descriptor that cannot be written, one that was not handed on. */
const ABSENT = ['write to the shared file', 'read a descriptor it was not meant to have'];

let scene: Scene;
beforeAll(() => {
  scene = openScene();
});
afterAll(() => scene.close());

function brokenOut({ attempts }: Ended): Attempt[] {
  return attempts.filter(
    ({ name, errno }) =>
      name !== 'the end' && !REFUSALS.includes(errno) && !(ABSENT.includes(name) && errno === EBADF),
  );
}

const ways: readonly {
  readonly name: string;
  readonly possible: boolean;
  readonly asked: Partial<Confinement>;
  readonly starter?: number;
  readonly missing: readonly Belt[];
}[] = [
  {
    name: 'held by root, as another user',
    possible: isRoot && isInReach(NOBODY),
    asked: { user: { uid: NOBODY, gid: NOBODY } },
    missing: ['cgroup'],
  },
  { name: 'held by root, still root by number', possible: isRoot, asked: {}, missing: ['user', 'cgroup'] },
  {
    name: 'held by a user without any right',
    possible: !isRoot || isInReach(SOMEBODY),
    asked: {},
    ...(isRoot && { starter: SOMEBODY }),
    missing: ['user', 'cgroup'],
  },
];

describe.each(ways.filter(({ possible }) => possible))('who broke out of V8, $name', (way) => {
  let ended: Ended;
  beforeAll(async () => {
    ended = await scene.escape(way.asked, way.starter);
  });

  test('gets nowhere, whatever is tried', () => {
    expect(brokenOut(ended)).toEqual([]);
    expect(ended).toMatchObject({ code: 0, complaint: '' });
    expect(ended.attempts.at(-1)?.name).toBe('the end');
    expect(ended.attempts.length).toBeGreaterThan(120);
  });

  test('is held by what the report says', () => {
    expect(ended.report?.missing.map(({ belt }) => belt)).toEqual(way.missing);
    expect(ended.report?.landlockAbi).toBeGreaterThan(0);
  });

  test('is ended where another architecture is called', async () => {
    const { signal, attempts } = await scene.escape(way.asked, way.starter, 'a call of i386');
    expect({ signal, attempts }).toEqual({ signal: 'SIGSYS', attempts: [] });
  });

  /** Else the test above could not fail. */
  test('would get somewhere without', async () => {
    const free = await scene.escape(undefined, way.asked.user?.uid ?? way.starter);
    const may =
      way.starter === undefined && way.asked.user === undefined && isRoot ? ['anyone', 'root'] : ['anyone'];
    const failed = free.attempts.filter(({ would, errno }) => may.includes(would ?? '') && errno !== 0);
    expect(failed).toEqual([]);
    expect(free.attempts.length).toBeGreaterThan(60);
  });
});
