import { failure, success } from '../../../executor/result.ts';
import type { Result } from '../../../executor/result.ts';
import { functionBytesMax, tableElementsMax } from '../../limits.ts';
import type { CanonOptions, Component, Lift } from './component.ts';
import { EXTERNAL } from './core-module.ts';
import type { CoreModule } from './core-module.ts';
import type { LoadFault } from '../policy.ts';
import { LOG_SIGNATURE, REALLOC_SIGNATURE } from './world.ts';
import type { World, WorldExport } from './world.ts';

type Refusal = { readonly code: LoadFault; readonly message: string } | undefined;

/** Decides whether a policy read from a component may be handed to a host: world, imports, module, limits. */
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
    checkModule(module, memoryPagesMax);
  return refusal === undefined ? success(undefined) : failure(refusal.code, refusal.message);
}

function refuse(code: LoadFault, message: string): Refusal {
  return { code, message };
}

function checkImports(component: Component, module: CoreModule, world: World): Refusal {
  for (const [name, shape] of component.imports) {
    if (name !== 'log')
      return refuse(
        'import-forbidden',
        `the policy imports ${JSON.stringify(name)}; it may import only \`log\``,
      );
    if (shape !== world.logShape)
      return refuse('import-forbidden', 'the policy imports `log` with other types than (u8, string)');
  }
  for (const { module: from, name, signature } of module.imports)
    if (from !== '$root' || name !== 'log' || signature !== LOG_SIGNATURE)
      return refuse(
        'import-forbidden',
        `the core module imports ${JSON.stringify(`${from} ${name}`)} (${signature}); it may import only $root log`,
      );
  if (module.imports.length > component.imports.size)
    return refuse(
      'component-malformed',
      'the core module imports `log`, which the component does not hand it',
    );
  return undefined;
}

function checkExports(component: Component, module: CoreModule, world: World): Refusal {
  for (const [name, expected] of world.exports) {
    const lift = component.lifts.get(name);
    if (lift === undefined)
      return refuse(
        'world-mismatch',
        `the component does not export ${name}: build it for world terrace:policy/policy`,
      );
    if (lift.shape !== expected.shape)
      return refuse(
        'world-mismatch',
        `${name} has other types than policy.wit gives it: rebuild against this version`,
      );
    if (signatureOf(module, name) !== expected.signature)
      return refuse('component-malformed', `the core function ${name} does not have the type of its export`);
    const post = signatureOf(module, `cabi_post_${name}`);
    if (post !== undefined && post !== expected.postSignature)
      return refuse(
        'component-malformed',
        `cabi_post_${name} takes something other than what ${name} answers`,
      );
  }
  if (signatureOf(module, 'cabi_realloc') !== REALLOC_SIGNATURE)
    return refuse(
      'component-malformed',
      'the core module exports no cabi_realloc, so it can be handed nothing',
    );
  const start = signatureOf(module, '_initialize');
  if (start !== undefined && start !== '->')
    return refuse('component-malformed', '_initialize takes or answers something');
  return undefined;
}

function signatureOf(module: CoreModule, name: string): string | undefined {
  const entry = module.exports.get(name);
  return entry?.kind === EXTERNAL.function ? module.functions[entry.index] : undefined;
}

/** The host's glue passes values in one way; a component that says it wants another one is refused. */
function checkCanon(component: Component, world: World): Refusal {
  for (const [name, lift] of component.lifts) {
    const expected = world.exports.get(name);
    if (expected === undefined)
      return refuse('world-mismatch', `the component exports ${name}, which is not in the world`);
    const oddity = liftOddity(component, name, lift, expected);
    if (oddity !== undefined) return refuse('component-malformed', `${name} ${oddity}`);
  }
  for (const { name, options } of component.lowers)
    if (options.encoding !== 'utf16' || !isMemory(component, options))
      return refuse(
        'component-malformed',
        `${name} is lowered with other options than utf16 and the policy's memory`,
      );
  return undefined;
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

function checkModule(module: CoreModule, memoryPagesMax: number): Refusal {
  const exported = module.exports.get('memory');
  if (module.memories.length !== 1 || exported?.kind !== EXTERNAL.memory || exported.index !== 0)
    return refuse(
      'module-forbidden',
      'the core module must have exactly one memory and export it as `memory`',
    );
  const pages = module.memories[0]!.minimum;
  if (pages > memoryPagesMax)
    return refuse(
      'module-forbidden',
      `the core module starts with ${pages} pages of memory; ${memoryPagesMax} are allowed`,
    );
  if (module.tables.length > 1 || module.tables.some(({ minimum }) => minimum > tableElementsMax))
    return refuse(
      'module-forbidden',
      `the core module has more than one table or one above ${tableElementsMax} elements`,
    );
  const longest = module.bodies.reduce((most, body) => Math.max(most, body.length), 0);
  if (longest > functionBytesMax)
    return refuse(
      'module-forbidden',
      `a function takes ${longest} bytes; ${functionBytesMax} are allowed: split it`,
    );
  return undefined;
}
