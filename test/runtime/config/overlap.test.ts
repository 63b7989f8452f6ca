import { expect, test } from 'vitest';
import { parsed, refusal, sample, scopeOf } from './sample.ts';

const two = (a: object, b: object) =>
  sample({ top: { scopes: { a: scopeOf(a, '/run/a'), b: scopeOf(b, '/run/b') } } });

test.each([
  ['/a', '/b'],
  ['/a', '/ab'],
  ['/ab', '/a'],
  ['/a/b', '/a/c'],
  ['/a.slice', '/a'],
])('cgroups %s and %s have nothing in common', (a, b) => {
  expect(parsed(two({ cgroup: a }, { cgroup: b })).scopes).toHaveLength(2);
});

test.each([
  ['/a', '/a', 'both are "/a"'],
  ['/a/', '/a', 'both are "/a"'],
  ['/', '/', 'both are "/"'],
  ['/a', '/a/b', '"/a" contains "/a/b"'],
  ['/a/b/c', '/a', '"/a" contains "/a/b/c"'],
  ['/', '/a', '"/" contains "/a"'],
  ['/a', '/', '"/" contains "/a"'],
])('cgroups %s and %s overlap', (a, b, reason) => {
  const refused = refusal(two({ cgroup: a }, { cgroup: b }));
  expect(refused.faults).toHaveLength(1);
  expect(refused).toMatchObject({
    code: 'scopes-overlap',
    message: expect.stringMatching(/:1:\d+ scopes a and b overlap: .*; take one of them out$/),
  });
  expect(refused.message).toContain(reason);
});

test('users overlap with themselves only', () => {
  expect(parsed(two({ uid: 1 }, { uid: 2 })).scopes).toHaveLength(2);
  const refused = refusal(two({ uid: 7 }, { uid: 7 }));
  expect(refused.code).toBe('scopes-overlap');
  expect(refused.message).toContain('scopes a and b overlap: both are user 7');
});

test('users and cgroups cannot be compared', () => {
  for (const text of [two({ uid: 1 }, { cgroup: '/a' }), two({ cgroup: '/a' }, { uid: 1 })])
    expect(refusal(text)).toMatchObject({ code: 'scopes-mixed', faults: { length: 1 } });
});

test('each pair is told, at the later one of the two', () => {
  const scopes = { a: scopeOf({ cgroup: '/a' }, '/run/a'), b: scopeOf({ cgroup: '/a/b' }, '/run/b') };
  const text = `executor: /run/e\ncontrol: /run/c\nscopes:\n  c: ${JSON.stringify(scopeOf({ cgroup: '/' }, '/run/d'))}\n`;
  const lines = Object.entries(scopes).map(([name, scope]) => `  ${name}: ${JSON.stringify(scope)}\n`);
  expect(refusal(text + lines.join('')).faults.map(({ message }) => message.slice(0, 50))).toEqual([
    '/etc/terrace/terrace.yaml:5:7 scopes c and a overl',
    '/etc/terrace/terrace.yaml:6:7 scopes c and b overl',
    '/etc/terrace/terrace.yaml:6:7 scopes a and b overl',
  ]);
});

test('no socket stands twice', () => {
  const scopes = { a: scopeOf({ uid: 1 }, '/run/s'), b: scopeOf({ uid: 2 }, '/run/s') };
  expect(refusal(sample({ top: { scopes } }))).toMatchObject({
    code: 'sockets-shared',
    message: expect.stringMatching(/ scopes\.b\.sensor is the socket of scopes\.a\.sensor, too: \/run\/s; /),
  });
  expect(refusal(sample({ top: { launcher: '/run/c.sock' } }))).toMatchObject({
    message: expect.stringContaining('control is the socket of launcher, too'),
  });
  expect(refusal(sample({ top: { control: '/run/e.sock' } })).code).toBe('sockets-shared');
});
