import { closeSync, openSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Settings } from '../../../runtime/contract.ts';
import { planEntriesMax } from '../../../runtime/limits.ts';
import { launchChild } from '../../../runtime/policy/launch.ts';
import type { Launch, LaunchedHost } from '../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import type { HostedPolicy } from '../../../runtime/policy/load.ts';
import type { HostLimits } from '../../../runtime/policy/running-host.ts';
import { bundleHost, compile, componentOf, snapshotOf, specimenSource } from './specimen.ts';

let component: Uint8Array;
let hostFile: string;

beforeAll(async () => {
  component = await componentOf(await compile(specimenSource()));
  hostFile = await bundleHost();
}, 60_000);

const SNAPSHOT = snapshotOf(1000, { accesses: 1, place: 2 });

function load(settings: Settings, limits: Partial<HostLimits> = {}, launch: Launch = launchChild(hostFile)) {
  // A busy machine must not look like a slow policy; fuel has tests of its own.
  const fuel = { fuelPerEpoch: Infinity, fuelPerCall: Infinity };
  const patient = { loadDeadlineMs: 20_000, epochDeadlineMs: 10_000, ...fuel, ...limits };
  return loadPolicy({ policy: component, settings, limits: patient, launch });
}

async function withPolicy(
  settings: Settings,
  use: (policy: HostedPolicy) => Promise<void>,
  limits: Partial<HostLimits> = {},
  launch?: Launch,
): Promise<void> {
  const policy = await load(settings, limits, launch);
  if (!policy.ok) throw new Error(policy.message);
  try {
    await use(policy.value);
  } finally {
    await policy.value.close();
  }
}

describe('a sound policy', () => {
  test('answers a plan, its log and the same again for the same history', async () => {
    const plans: unknown[] = [];
    for (let i = 0; i < 2; i++)
      await withPolicy({}, async (policy) => {
        for (let epoch = 0; epoch < 3; epoch++) {
          const answer = await policy.evaluate(SNAPSHOT);
          if (!answer.ok) throw new Error(answer.message);
          plans.push(answer.value.plan);
          expect(answer.value.log).toEqual(epoch === 0 ? [{ level: 1, message: 'configured as echo' }] : []);
        }
      });
    expect(plans.slice(0, 3)).toEqual(plans.slice(3));
    expect(plans[0]).not.toEqual(plans[1]);
  });

  test('sees every value of every column it asked for, zeros for those no source measured', async () => {
    const planFor = async (snapshot: typeof SNAPSHOT): Promise<unknown> => {
      let seen: unknown;
      await withPolicy({}, async (policy) => {
        const answer = await policy.evaluate(snapshot);
        seen = answer.ok && { ...answer.value, inputHash: '' };
      });
      return seen;
    };
    const writes = new Uint32Array(1000);
    const zeros = {
      ...SNAPSHOT,
      columns: { ...SNAPSHOT.columns, writes, idleEpochs: new Uint16Array(1000) },
    };
    expect(await planFor(zeros)).toEqual(await planFor(SNAPSHOT));
    writes[999] = 1;
    expect(await planFor(zeros)).not.toEqual(await planFor(SNAPSHOT));
    const unasked = { ...SNAPSHOT, columns: { ...SNAPSHOT.columns, born: new Uint32Array(1000).fill(9) } };
    expect(await planFor(unasked)).toEqual(await planFor(SNAPSHOT));
  });

  test('is cleaned up after, so that a thousand epochs take no more memory than ten', async () => {
    await withPolicy(
      {},
      async (policy) => {
        for (let epoch = 0; epoch < 1000; epoch++) expect((await policy.evaluate(SNAPSHOT)).ok).toBe(true);
      },
      { memoryPagesMax: 4 },
    );
  });

  test('takes a plan of exactly the entries allowed, and not one more', async () => {
    await withPolicy({ mode: 'plan-of-amount', amount: planEntriesMax }, async (policy) => {
      const answer = await policy.evaluate(SNAPSHOT);
      expect(answer.ok && answer.value.plan.regions.length).toBe(planEntriesMax);
    });
    await withPolicy({ mode: 'plan-of-amount', amount: planEntriesMax + 1 }, async (policy) => {
      expect(await policy.evaluate(SNAPSHOT)).toMatchObject({
        code: 'plan-unreadable',
        message: expect.stringContaining(`${planEntriesMax} are allowed`),
      });
    });
  });

  test('keeps its state over save and restore, and starts cold from a state it does not know', async () => {
    await withPolicy({}, async (policy) => {
      await policy.evaluate(SNAPSHOT);
      const state = await policy.save();
      if (!state.ok) throw new Error(state.message);
      const next = await policy.evaluate(SNAPSHOT);
      await withPolicy({}, async (other) => {
        expect(await other.restore(2, state.value)).toMatchObject({ code: 'restore-refused' });
        expect(await other.restore(3, state.value)).toEqual({ ok: true, value: undefined });
        expect(await other.evaluate(SNAPSHOT)).toMatchObject({ value: { plan: next.ok && next.value.plan } });
      });
    });
  });
});

describe('a policy that misbehaves in an epoch', () => {
  const cases: readonly [mode: string, code: string, message: string][] = [
    ['trap', 'policy-trapped', 'unreachable'],
    ['abort', 'policy-trapped', '(the heat is gone [31m)'],
    ['out-of-bounds', 'policy-trapped', 'out of bounds'],
    ['deep', 'policy-trapped', 'call stack'],
    ['trap-in-post', 'policy-trapped', 'unreachable'],
    ['loop', 'policy-overran', '250 ms'],
    ['lengths-lie', 'plan-unreadable', 'lie outside'],
    ['pointer-lies', 'plan-unreadable', 'lie outside'],
    ['plan-misplaced', 'plan-unreadable', 'lie outside'],
    ['allocator-lies', 'plan-unreadable', 'lie outside'],
    ['allocator-misaligned', 'plan-unreadable', 'not a multiple'],
    ['misaligned', 'plan-unreadable', 'not a multiple'],
    ['targets-short', 'plan-unreadable', '1001 targets for'],
    ['headroom-odd', 'plan-unreadable', '3 headroom for 2 places'],
    ['wishes-many', 'plan-unreadable', '65 wishes'],
    ['log-lies', 'plan-unreadable', 'lie outside'],
  ];
  test.each(cases)('%s: %s, and the next epoch has a fresh host', async (mode, code, message) => {
    await withPolicy(
      { mode },
      async (policy) => {
        for (let epoch = 0; epoch < 2; epoch++) {
          const answer = await policy.evaluate(SNAPSHOT);
          expect(answer).toMatchObject({ code, message: expect.stringContaining(message) });
          expect(answer).toMatchObject({ message: expect.stringContaining("without the policy's state") });
        }
      },
      { epochDeadlineMs: mode === 'loop' ? 250 : 10_000 },
    );
  });

  test('a loop is ended, and the epoch after it has a plan again', async () => {
    await withPolicy(
      { mode: 'loop-once' },
      async (policy) => {
        const outcomes: boolean[] = [];
        for (let epoch = 0; epoch < 4; epoch++) outcomes.push((await policy.evaluate(SNAPSHOT)).ok);
        expect(outcomes).toEqual([true, false, true, false]);
      },
      { epochDeadlineMs: 1500 },
    );
  });

  test('memory grows to the limit and no page further', async () => {
    await withPolicy(
      { mode: 'hog' },
      async (policy) => {
        const answer = await policy.evaluate(SNAPSHOT);
        expect(answer.ok && answer.value.log.at(-1)).toEqual({ level: 1, message: 'pages 64' });
      },
      { memoryPagesMax: 64 },
    );
  });

  test('log lines are bounded in number and length, and cannot steer a terminal', async () => {
    await withPolicy({ mode: 'flood' }, async (policy) => {
      const answer = await policy.evaluate(SNAPSHOT);
      if (!answer.ok) throw new Error(answer.message);
      expect(answer.value.log.slice(1).map(({ message }) => message)).toEqual(
        Array.from({ length: 16 }, (_, i) => `line ${i}`),
      );
      expect(answer.value.logDropped).toBe(984);
    });
    await withPolicy({ mode: 'log-long' }, async (policy) => {
      const answer = await policy.evaluate(SNAPSHOT);
      expect(answer.ok && answer.value.log[1]!.message).toBe('ä'.repeat(128));
    });
    await withPolicy({ mode: 'log-steers' }, async (policy) => {
      const answer = await policy.evaluate(SNAPSHOT);
      expect(answer.ok && answer.value.log[1]!.message).toBe('a [2Jb c d');
    });
  });

  test('more state than the manifest says is refused', async () => {
    await withPolicy({ mode: 'state-large' }, async (policy) => {
      expect(await policy.save()).toMatchObject({ code: 'plan-unreadable' });
    });
  });
});

describe('a policy that does not start', () => {
  test.each([
    ['refuse', 'settings-refused', 'do not go together'],
    ['trap-in-configure', 'policy-trapped', 'unreachable'],
    ['loop-in-configure', 'policy-overran', '1500 ms'],
    ['result-lies', 'policy-trapped', 'neither ok nor error'],
  ])('%s: %s', async (mode, code, message) => {
    const answer = await load({ mode }, { loadDeadlineMs: mode === 'loop-in-configure' ? 1500 : 10_000 });
    expect(answer).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test('settings are checked against the schema before anything is started', async () => {
    const never: Launch = () => {
      throw new Error('started');
    };
    expect(await load({ colour: 1 }, {}, never)).toMatchObject({ code: 'setting-unknown' });
    expect(await load({ ratio: 1.5 }, {}, never)).toMatchObject({
      code: 'setting-invalid',
      message: expect.stringContaining('from 0 to 1'),
    });
  });

  test('without its bundle the host says what to run', async () => {
    expect(await load({}, {}, launchChild('/nowhere/host.mjs'))).toMatchObject({
      code: 'host-failed',
      message: expect.stringContaining('npm run build'),
    });
  });
});

test('a shared file that cannot be written is said so, and is no exception', async () => {
  let full = false;
  const launch: Launch = async () => {
    const host = await launchChild(hostFile)();
    if (!host.ok || full === false) return host;
    closeSync(host.value.shared);
    return { ok: true, value: { ...host.value, shared: openSync('/dev/full', 'w') } };
  };
  await withPolicy(
    { mode: 'trap' },
    async (policy) => {
      full = true;
      await policy.evaluate(SNAPSHOT);
      expect(await policy.evaluate(SNAPSHOT)).toMatchObject({
        code: 'host-failed',
        message: expect.stringContaining('ENOSPC'),
      });
      full = false;
      await policy.evaluate(SNAPSHOT);
      expect(await policy.evaluate(SNAPSHOT)).toMatchObject({ code: 'policy-trapped' });
    },
    {},
    launch,
  );
  full = true;
  expect(await load({}, {}, launch)).toMatchObject({ code: 'host-failed' });
});

test('a second call before the first has answered is a bug of the caller', async () => {
  await withPolicy({}, async (policy) => {
    const first = policy.evaluate(SNAPSHOT);
    await expect(policy.evaluate(SNAPSHOT)).rejects.toThrow('before it had answered');
    expect((await first).ok).toBe(true);
  });
});

test('a closed policy answers so', async () => {
  const policy = await load({});
  if (!policy.ok) throw new Error(policy.message);
  await policy.value.close();
  expect(await policy.value.evaluate(SNAPSHOT)).toMatchObject({ code: 'host-failed' });
});

test('a policy that is closed while it is asked leaves no host', async () => {
  const launched: LaunchedHost[] = [];
  const launch: Launch = async () => {
    const host = await launchChild(hostFile)();
    if (host.ok) launched.push(host.value);
    return host;
  };
  const policy = await load({ mode: 'loop' }, {}, launch);
  if (!policy.ok) throw new Error(policy.message);
  const answer = policy.value.evaluate(SNAPSHOT);
  await policy.value.close();
  expect(await answer).toMatchObject({ ok: false });
  // Whatever the failed answer has begun stands by now.
  await policy.value.ready();
  expect(launched).toHaveLength(1);
});

describe('a host that is ended from outside', () => {
  /** Launches real hosts and remembers them. */
  function remember(launched: LaunchedHost[]): Launch {
    return async () => {
      const host = await launchChild(hostFile)();
      if (host.ok) launched.push(host.value);
      return host;
    };
  }

  test('in an epoch: host-failed, and the next epoch has a fresh one', async () => {
    const hosts: LaunchedHost[] = [];
    await withPolicy(
      { mode: 'loop-once' },
      async (policy) => {
        await policy.evaluate(SNAPSHOT);
        const answer = policy.evaluate(SNAPSHOT);
        setTimeout(() => hosts[0]!.kill(), 50);
        expect(await answer).toMatchObject({
          code: 'host-failed',
          message: expect.stringContaining('SIGKILL'),
        });
        expect((await policy.evaluate(SNAPSHOT)).ok).toBe(true);
        expect(hosts).toHaveLength(2);
      },
      { epochDeadlineMs: 20_000 },
      remember(hosts),
    );
  });

  test('between epochs: it is reported once, since the state is lost', async () => {
    const hosts: LaunchedHost[] = [];
    await withPolicy(
      {},
      async (policy) => {
        hosts[0]!.kill();
        await hosts[0]!.exited;
        expect(await policy.evaluate(SNAPSHOT)).toMatchObject({ code: 'host-failed' });
        expect((await policy.evaluate(SNAPSHOT)).ok).toBe(true);
      },
      {},
      remember(hosts),
    );
  });
});
