import { parseConfinement } from '../../../executor/confine/parse-confinement.ts';
import { parseConfig } from '../../../executor/launch/config.ts';
import { parseLimits } from '../../../executor/parse-limits.ts';
import type { Result } from '../../../executor/result.ts';
import { parseManifest } from '../../../runtime/policy/parse/manifest.ts';
import { must, refusalCode } from '../expect.ts';

const NODE = '/usr/bin/node';

/** The files and arguments that are JSON: confinement, launcher, limits, manifest. Each parser gets each text. */
export function fuzz(input: Uint8Array): string {
  const text = Buffer.from(input).toString();
  const confinement = told('confinement', parseConfinement(text), (value) =>
    parseConfinement(JSON.stringify(value)),
  );
  const manifest = told('manifest', parseManifest(Buffer.from(text)), (value) =>
    parseManifest(Buffer.from(JSON.stringify(value))),
  );
  const json = parse(text);
  if (json === undefined) {
    must(confinement === 'confinement-malformed', 'a confinement that is no JSON');
    return 'no-json';
  }
  const config = told('config', parseConfig(json, NODE));
  const limits = told('limits', parseLimits(json));
  return [confinement, manifest, config, limits].join(', ');
}

/** What is read reads the same when it is written again. */
function told<T>(name: string, result: Result<T>, again?: (value: T) => Result<T>): string {
  if (!result.ok) return refusalCode(result);
  const second = again?.(result.value);
  if (second !== undefined)
    must(
      second.ok && JSON.stringify(second.value) === JSON.stringify(result.value),
      `read again, ${JSON.stringify(second)}`,
    );
  return name;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
