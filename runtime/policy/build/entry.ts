import type { Author } from './author.ts';
import type { AuthorSetting } from './setting.ts';

/**
 * The module whose exports are the world's: thin glue between the canonical ABI (policies/sdk/abi.ts), what
 * is kept between calls (policies/sdk/world.ts) and the author's module.
 */
export function entrySource(author: Author, moduleName: string): string {
  const { hooks, settings } = author;
  return `import * as policy from '../${moduleName}';
import { liftSettings, liftState, lowerBytes, lowerFault, lowerPlan } from './abi';
import { closeChunk, epoch, gather, openChunk, plan, snapshot, startEpoch } from './world';
export { cabi_realloc, cabi_post_configure, cabi_post_decide, cabi_post_save, cabi_post_restore } from './abi';

export function configure(settings: usize, length: i32): usize {
  const given = liftSettings(settings, length);
  for (let i = 0; i < given.length; i++) {
    const setting = given[i];
${settings.map(assignment).join('')}  }
  return lowerFault(null);
}

export function begin(
  number: u32, lengthMs: u32, regions: i32, owners: i32, samplingPeriod: u32,
  places: usize, placeCount: i32, metrics: usize, metricCount: i32,
  kinds: usize, kindCount: i32, eventRegions: usize, eventCount: i32, others: usize, otherCount: i32,
): void {
  startEpoch(number, lengthMs, regions, owners, samplingPeriod, places, placeCount, metrics, metricCount,
    kinds, kindCount, eventRegions, eventCount, others, otherCount);
${hooks.has('begin') ? '  policy.begin(epoch);\n' : ''}}

export function observe(first: i32, count: i32, columns: usize, length: i32): void {
  const chunk = openChunk(first, count, columns, length);
  ${hooks.has('observe') ? 'policy.observe(chunk)' : 'gather()'};
  closeChunk(columns, length);
}

export function decide(): usize {
  policy.evaluate(snapshot, plan);
  return lowerPlan(plan, ${author.reasons.length > 0});
}

export function save(): usize {
  return lowerBytes(${hooks.has('save') ? 'policy.save()' : 'new Uint8Array(0)'});
}

export function restore(version: u32, state: usize, length: i32): usize {
  const bytes = liftState(state, length);
  return lowerFault(${restoration(author)});
}
`;
}

/** A version that the policy does not write is refused before the author's code sees it. */
function restoration({ hooks, stateVersion }: Author): string {
  const otherVersion = `'state of version ' + version.toString() + ' is unknown'`;
  if (hooks.has('restore')) return `version == ${stateVersion} ? policy.restore(bytes) : ${otherVersion}`;
  return `bytes.length ? 'this policy keeps no state' : null`;
}

function assignment({ schema, type }: AuthorSetting): string {
  const value = { number: 'number', integer: 'number', truth: 'truth', text: 'text' }[schema.type];
  return `    if (setting.name == '${schema.name}') policy.${schema.name} = <${type}>setting.${value};\n`;
}
