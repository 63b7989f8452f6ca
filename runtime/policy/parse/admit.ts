import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import type { CanonOptions, Component, Lift } from './component.ts';
import { EXTERNAL } from './core-format.ts';
import type { CoreModule } from './core-module.ts';
import type { LoadFault } from '../policy.ts';
import { quote } from '../quote.ts';
import { LOG_SIGNATURE, REALLOC_SIGNATURE } from './world.ts';
import type { World, WorldExport } from './world.ts';

interface Refusal {
  readonly code: LoadFault;
  readonly message: string;
  readonly place: string;
}

/** Decides whether a policy read from a component may be handed to a host: world, imports, canon options, memory. */
export function admitPolicy(
  component: Component,
  module: CoreModule,
  world: World,
  memoryPagesMax: number,
): Result<void, LoadFault> {
  const refusal =
    checkImports(component, module, world) ??
    checkExports(component, module, world) ??
    checkCanon(component, world) ??
    checkMemory(module, memoryPagesMax);
  if (refusal === undefined) return success(undefined);
  return failure(refusal.code, `${refusal.message} (${refusal.place})`);
}

function checkImports(component: Component, module: CoreModule, world: World): Refusal | undefined {
  const refuse = (place: string, message: string): Refusal => ({ code: 'import-forbidden', message, place });
  for (const [name, { shape, place }] of component.imports) {
    if (name !== 'log') return refuse(place, `the policy imports ${quote(name)}; it may import only \`log\``);
    if (shape !== world.logShape)
      return refuse(place, 'the policy imports `log` with other types than (u8, string)');
  }
  for (const { module: from, name, signature, place } of module.imports)
    if (from !== '$root' || name !== 'log' || signature !== LOG_SIGNATURE)
      return refuse(
        place,
        `the core module imports ${quote(`${from} ${name}`)} (${signature}); it may import only $root log`,
      );
  if (module.imports.length <= component.imports.size) return undefined;
  return malformed(
    module.imports.at(-1)!.place,
    'the core module imports `log`, which the component does not hand it',
  );
}

function checkExports(component: Component, module: CoreModule, world: World): Refusal | undefined {
  for (const [name, expected] of world.exports) {
    const refusal = checkExport(component, module, name, expected);
    if (refusal !== undefined) return refusal;
  }
  if (signatureOf(module, 'cabi_realloc') !== REALLOC_SIGNATURE)
    return malformed(
      placeOf(module, 'cabi_realloc'),
      `the core module exports no cabi_realloc (${REALLOC_SIGNATURE}), so it can be handed nothing`,
    );
  const start = signatureOf(module, '_initialize');
  if (start === undefined || start === '->') return undefined;
  return malformed(
    placeOf(module, '_initialize'),
    '_initialize is no function, or takes or answers something',
  );
}

function checkExport(
  component: Component,
  module: CoreModule,
  name: string,
  expected: WorldExport,
): Refusal | undefined {
  const lift = component.lifts.get(name);
  if (lift === undefined)
    return mismatch(
      component.place,
      `the component does not export ${name}: build it for world terrace:policy/policy`,
    );
  if (lift.shape !== expected.shape)
    return mismatch(
      lift.place,
      `${name} has other types than policy.wit gives it: rebuild against this version`,
    );
  if (signatureOf(module, name) !== expected.signature)
    return malformed(
      placeOf(module, name),
      `the core function ${name} does not have the type of its export (${expected.signature})`,
    );
  const post = signatureOf(module, `cabi_post_${name}`);
  if (post === undefined || post === expected.postSignature) return undefined;
  return malformed(
    placeOf(module, `cabi_post_${name}`),
    `cabi_post_${name} is no function, or takes something other than what ${name} answers`,
  );
}

function malformed(place: string, message: string): Refusal {
  return { code: 'component-malformed', message, place };
}

function mismatch(place: string, message: string): Refusal {
  return { code: 'world-mismatch', message, place };
}

/** Undefined where nothing has that name. What has it and is no function fits no expectation: it cannot be called. */
function signatureOf(module: CoreModule, name: string): string | undefined {
  const entry = module.exports.get(name);
  if (entry === undefined) return undefined;
  return entry.kind === EXTERNAL.function ? module.functions[entry.index]?.signature : 'no function';
}

function placeOf(module: CoreModule, name: string): string {
  return module.exports.get(name)?.place ?? module.place;
}

/** The host's glue passes values in one way; a component that says it wants another one is refused. */
function checkCanon(component: Component, world: World): Refusal | undefined {
  for (const [name, lift] of component.lifts) {
    const expected = world.exports.get(name);
    if (expected === undefined)
      return mismatch(lift.place, `the component exports ${quote(name)}, which is not in the world`);
    const oddity = liftOddity(component, name, lift, expected);
    if (oddity !== undefined) return malformed(lift.place, `${name} ${oddity}`);
  }
  const odd = component.lowers.find(
    ({ options }) => options.encoding !== 'utf16' || !isMemory(component, options),
  );
  if (odd === undefined) return undefined;
  return malformed(
    odd.place,
    `${quote(odd.name)} is lowered with other options than utf16 and the policy's memory`,
  );
}

function liftOddity(
  component: Component,
  name: string,
  lift: Lift,
  expected: WorldExport,
): string | undefined {
  const { options, core } = lift;
  const isOwn = (ref: typeof options.realloc, own: string): boolean =>
    ref?.instance === component.main && ref.name === own;
  if (!isOwn(core, name)) return 'is answered by a core function of another name';
  if (!isMemory(component, options))
    return 'does not use the memory that the core module exports as `memory`';
  if (expected.hasText && options.encoding !== 'utf16')
    return 'passes text as utf8: embed with string encoding utf16';
  if (expected.takesLists && !isOwn(options.realloc, 'cabi_realloc'))
    return 'does not allocate with cabi_realloc';
  if (options.postReturn !== undefined && !isOwn(options.postReturn, `cabi_post_${name}`))
    return `does not clean up with cabi_post_${name}`;
  return undefined;
}

function isMemory(component: Component, { memory }: CanonOptions): boolean {
  return memory?.instance === component.main && memory.name === 'memory';
}

function checkMemory(module: CoreModule, memoryPagesMax: number): Refusal | undefined {
  const [memory] = module.memories;
  const code = 'module-forbidden';
  if (memory === undefined || module.exports.get('memory')?.kind !== EXTERNAL.memory)
    return {
      code,
      message: 'the core module must have a memory and export it as `memory`',
      place: placeOf(module, 'memory'),
    };
  if (memory.minimum <= memoryPagesMax) return undefined;
  const message = `the core module starts with ${memory.minimum} pages of memory; ${memoryPagesMax} are allowed`;
  return { code, message, place: memory.place };
}
