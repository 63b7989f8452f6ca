import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { startService } from '../../../executor/launch/service-process.ts';
import { makeFolder } from '../held-memory.ts';
import { until } from './launcher-process.ts';

const folder = makeFolder();
afterAll(folder.remove);

/** Our own group, since another needs root. */
const gid = process.getgid?.() ?? 0;
let scripts = 0;

/** A main in a few lines of JavaScript, in place of one of ours; it writes to `out` once it stands. */
function start(source: string, node = process.execPath) {
  const main = join(folder.path, `main-${scripts++}.mjs`);
  const out = `${main}.out`;
  writeFileSync(main, `import { writeFileSync } from 'node:fs';\n${source}\n`);
  const service = startService({ node, main, arguments: [out], gid, endMsMax: 50 });
  return { service, out, stands: () => until(() => existsSync(out) && readFileSync(out, 'utf8') !== '') };
}

const tell = 'writeFileSync(process.argv[2], JSON.stringify(what));';

describe('the process of a service', () => {
  test('has nothing of our environment, and is told to end with us', async () => {
    const { service, out, stands } = start(
      `const what = { env: process.env, args: process.argv.slice(3), cwd: process.cwd() };
       ${tell}
       process.stdin.resume();`,
    );
    await stands();
    expect(JSON.parse(readFileSync(out, 'utf8'))).toEqual({
      ...{ env: {}, args: ['--until-stdin-ends'], cwd: '/' },
    });
    service.end();
    expect(await service.ended).toEqual({ code: null, signal: 'SIGTERM' });
  });

  test('that does not end when it is asked to is killed', async () => {
    const { service, stands } = start(
      `process.on('SIGTERM', () => {});
       setInterval(() => {}, 1_000);
       const what = 1; ${tell}`,
    );
    await stands();
    service.end();
    expect(await service.ended).toEqual({ code: null, signal: 'SIGKILL' });
  });

  test('tells what it exited with', async () => {
    expect(await start('process.exit(7);').service.ended).toEqual({ code: 7, signal: null });
  });

  test('that is none tells why', async () => {
    const { service } = start('', join(folder.path, 'missing'));
    expect(await service.ended).toMatchObject({ error: expect.stringContaining('ENOENT') });
    service.end();
  });
});
