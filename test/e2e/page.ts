import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { packageRoot } from '../../runtime/package-root.ts';

const run = promisify(execFile);

/** A command that a page shows, and what it says the command prints; `…` stands for anything in its line, alone for any lines. */
export interface Example {
  readonly command: string;
  readonly shown: string;
}

/** The fenced blocks of a Markdown page: `block` by info string, and the `console` ones as examples. */
export function readPage(text: string): {
  readonly block: (info: string) => string;
  readonly examples: readonly Example[];
} {
  const blocks = [...text.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', body = '']) => ({
    info,
    body,
  }));
  return {
    block: (info) => blocks.find((each) => each.info === info)?.body ?? '',
    examples: blocks.filter(({ info }) => info === 'console').flatMap(({ body }) => examplesOf(body)),
  };
}

/** A line that starts with `$ ` is a command; a backslash at its end continues it. */
function examplesOf(body: string): Example[] {
  return body
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const [command = ''] = /^(?:.*\\\n)*.*/.exec(part) ?? [];
      return { command, shown: part.slice(command.length + 1) };
    });
}

/** Numbers, digests and heat strips change with every improvement; everything else must stay as printed. */
function shape(text: string): string {
  return text
    .replace(/│[ ▁▂▃▄▅▆▇█]{40}│/g, '│strip│')
    .replace(/sha256 \S+/g, 'sha256 #')
    .replace(/\d+(\.\d+)?/g, '#')
    .replace(/ +/g, ' ');
}

export function matches(printed: string, shown: string): boolean {
  const pattern = shape(shown)
    .split(/^…\n/m)
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.*'))
    .join('(?:.*\\n)*?');
  return new RegExp(`^${pattern}$`).test(shape(printed));
}

export async function execute(command: string): Promise<string> {
  const ended = await run('sh', ['-c', `${command} 2>&1 || true`], { cwd: packageRoot, maxBuffer: 1 << 24 });
  return ended.stdout.replace(/^npm warn .*\n/gm, '');
}
