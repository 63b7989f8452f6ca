import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** What no policy may have, as wabt's wasm-objdump shows it: a judge of refusals that shares no code with us. */
const FORBIDDEN: readonly RegExp[] = [
  /\| +table\.(set|grow|fill|copy|init)\b/,
  /\| +(elem|data)\.drop\b/,
  /\| +(return_call|call_ref|throw|rethrow|try|catch|delegate|br_on_|ref\.as_non_null)/,
  /\| +((memory|i32|i64)\.)?atomic\.|relaxed/,
  /^Tag\[/m,
  / - memory\[[1-9]/,
  / - (memory|table)\[\d+\] .*\b(i64|shared)\b/,
  / - global\[\d+\] (funcref|externref) mutable=1/,
  / -> "terrace:/,
];

/** Of modules in `folder`, by file name, whether each has something forbidden; absent where it cannot be read. */
export function judge(folder: string, files: readonly string[]): ReadonlyMap<string, boolean> {
  if (files.length === 0) return new Map();
  const { stdout } = spawnSync('wasm-objdump', ['-x', '-d', ...files], {
    cwd: folder,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const pages = stdout.split(/^(\S+\.wasm):\tfile format wasm .*$/m).slice(1);
  const judged = new Map<string, boolean>();
  for (let i = 0; i < pages.length; i += 2)
    judged.set(
      path.basename(pages[i]!),
      FORBIDDEN.some((pattern) => pattern.test(pages[i + 1]!)),
    );
  return judged;
}
