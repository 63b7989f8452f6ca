import { absolutePath, checkJson, fields, list, oneOf, whole } from '../check-json.ts';
import { BELTS } from '../confinement.ts';
import type { Confinement } from '../confinement.ts';
import { oneLine } from '../one-line.ts';
import { failure } from '../result.ts';
import type { Result } from '../result.ts';
import { CONFINE_BOUNDS } from './limits.ts';

/** 2^32 - 1 means "unchanged" to setresuid(2); and root is what a user of its own is not. */
const idMin = 1;
const idMax = 4_294_967_294;

/** The stage's first argument. Strict: a misspelt belt would otherwise not be required. */
export function parseConfinement(text: string): Result<Confinement, 'confinement-malformed'> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return failure('confinement-malformed', oneLine((error as Error).message));
  }
  return checkJson('confinement-malformed', () => readConfinement(json));
}

function readConfinement(json: unknown): Confinement {
  const path = 'confinement';
  const known = 'readable user cgroup descriptorsMax required';
  const { readable, user, cgroup, descriptorsMax, required } = fields(json, path, known);
  const { descriptorsMin, descriptorsMax: most } = CONFINE_BOUNDS;
  return {
    readable: list(readable, `${path}.readable`, absolutePath),
    ...(user !== undefined && { user: readUser(user, `${path}.user`) }),
    ...(cgroup !== undefined && { cgroup: absolutePath(cgroup, `${path}.cgroup`) }),
    descriptorsMax: whole(descriptorsMax, `${path}.descriptorsMax`, descriptorsMin, most),
    required: list(required ?? [], `${path}.required`, (belt, at) => oneOf(belt, at, BELTS)),
  };
}

function readUser(value: unknown, path: string): { uid: number; gid: number } {
  const { uid, gid } = fields(value, path, 'uid gid');
  return { uid: whole(uid, `${path}.uid`, idMin, idMax), gid: whole(gid, `${path}.gid`, idMin, idMax) };
}
