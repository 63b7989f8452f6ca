import { closeSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { encodeReply } from '../../../runtime/policy/host/channel.ts';
import type { ReplyBody } from '../../../runtime/policy/host/channel.ts';
import type { Launch } from '../../../runtime/policy/launch.ts';
import { loadPolicy } from '../../../runtime/policy/load.ts';
import { zooFolder } from '../../../runtime/policy/open.ts';
import { createSharedFile } from '../../../runtime/policy/shared-file.ts';
import { REQUEST, REQUEST_AT, REQUEST_BYTES, STATUS } from '../../../runtime/policy/wire.ts';

/** Hosts taken over by their policy: each answers every request with `ok` and what it likes. */
function launchTakenOver(answer: (kind: number) => ReplyBody) {
  let launched = 0;
  const launch: Launch = async () => {
    launched++;
    const [requests, replies, diagnostics] = [new PassThrough(), new PassThrough(), new PassThrough()];
    const { writable: shared, readOnly } = createSharedFile();
    closeSync(readOnly);
    const exited = Promise.withResolvers<string>();
    requests.on('data', (bytes: Buffer) => {
      if (bytes.length !== REQUEST_BYTES) return;
      const [sequence, kind] = [REQUEST_AT.sequence, REQUEST_AT.kind].map((at) => bytes.readUInt32LE(at));
      replies.write(encodeReply(sequence!, STATUS.ok, { lines: [], dropped: 0 }, answer(kind!)));
    });
    const kill = (): void => exited.resolve('was ended');
    const confinement = { held: [], missing: [] };
    const ends = { requests, replies, diagnostics, shared };
    return { ok: true, value: { ...ends, kill, exited: exited.promise, confinement } };
  };
  return { launch, launched: () => launched };
}

test('a host that answers more state than the manifest allows is replaced, and the state is not taken', async () => {
  let stateBytes = 0;
  const { launch, launched } = launchTakenOver((kind) =>
    kind === REQUEST.save ? { state: new Uint8Array(stateBytes) } : {},
  );
  // Its manifest says 0: it keeps no state.
  const policy = await loadPolicy({ policy: join(zooFolder, 'hold.wasm'), launch });
  if (!policy.ok) throw new Error(policy.message);
  expect(await policy.value.save()).toMatchObject({ ok: true });
  expect(launched()).toBe(1);
  stateBytes = 1;
  expect(await policy.value.save()).toMatchObject({
    code: 'plan-unreadable',
    message: expect.stringContaining('1 bytes of state, 0 are allowed; a fresh host takes over'),
  });
  await policy.value.ready();
  expect(launched()).toBe(2);
  await policy.value.close();
});
