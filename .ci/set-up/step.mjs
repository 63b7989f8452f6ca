import { spawn } from 'node:child_process';

const HEARTBEAT_MS = 10_000;
const OUTPUT_TAIL_BYTES = 64 * 1024;

/**
 * Runs one command and shows that it is alive: a line at its start, one every ten seconds, one at its end.
 * A command with `quietMs` stays silent when it ends within that time. Its output is kept, not shown.
 *
 * @param {{ label: string, command: string, args: string[], cwd: string, env: NodeJS.ProcessEnv,
 *           quietMs?: number, say: (line: string) => void }} step
 * @returns {Promise<{ ok: boolean, output: string }>} the last of what it printed
 */
export async function runStep({ label, command, args, cwd, env, quietMs = 0, say }) {
  const started = performance.now();
  const seconds = () => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  let announced = false;
  const announce = () => {
    announced = true;
    say(label);
  };
  if (quietMs === 0) announce();
  const late = quietMs === 0 ? undefined : setTimeout(announce, quietMs);
  const heartbeat = setInterval(() => say(`${label}: still busy after ${seconds()}`), HEARTBEAT_MS);
  const result = await runCommand({ command, args, cwd, env });
  clearTimeout(late);
  clearInterval(heartbeat);
  if (announced) say(`${label}: ${result.ok ? 'done' : 'failed'} after ${seconds()}`);
  return result;
}

function runCommand({ command, args, cwd, env }) {
  return new Promise((resolve) => {
    let output = '';
    const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (chunk) => {
      output = (output + chunk).slice(-OUTPUT_TAIL_BYTES);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => resolve({ ok: false, output: `${error.message}\n` }));
    child.on('close', (status) => resolve({ ok: status === 0, output }));
  });
}

/**
 * The last lines of a command's output, indented, for a failure's report.
 *
 * @param {string} output
 * @param {number} lines
 */
export function tail(output, lines) {
  return output
    .trimEnd()
    .split('\n')
    .slice(-lines)
    .map((line) => `  ${line}`)
    .join('\n');
}
