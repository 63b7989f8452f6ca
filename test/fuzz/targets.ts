/** What is fuzzed, each by `targets/NAME.ts`, whose `fuzz` answers in a few words what became of an input. */
export interface Target {
  readonly name: string;
  /** Of one input. */
  readonly bytesMax: number;
  /** Words that its inputs are made of, which a fuzzer would be slow to find. */
  readonly words?: readonly string[];
  /** Of what `fuzz` answers, the words that inputs kept must come to, lest they are worth nothing. */
  readonly reaches: string;
}

const JSON_WORDS = [
  ...'readable user uid gid cgroup descriptorsMax required no-new-privileges capabilities landlock'.split(
    ' ',
  ),
  ...'seccomp limits folder runtime hosts uidFirst countMax parent memoryBytesMax pidsMax node host'.split(
    ' ',
  ),
  ...'flags scopes reservePages headroomPagesMax protectedPids protectedCgroups protectedUids backends'.split(
    ' ',
  ),
  ...'movePhysPages walkReverseMap callLatencyTargetMs allow partialHuge journal topology members kind'.split(
    ' ',
  ),
  ...'nodes pagesMax pairs pagesPerEpochMax bytesPerSecondMax move_phys_pages number path bytesMax'.split(
    ' ',
  ),
  ...'tier latencyNs abi name version description columns stateVersion stateBytesMax settings reasons'.split(
    ' ',
  ),
  ...'type default min max integer truth text __proto__ constructor'.split(' '),
].map((word) => `"${word}":`);

const KIB = 1024;

export const TARGETS: readonly Target[] = [
  {
    name: 'policy',
    bytesMax: 32 * KIB,
    words: ['terrace:manifest', 'terrace:policy/policy', '$root', 'log'],
    reaches:
      'admitted metered invalid not-a-component component-malformed world-mismatch abi-mismatch ' +
      'manifest-malformed import-forbidden module-forbidden module-invalid',
  },
  {
    name: 'core',
    bytesMax: 8 * KIB,
    words: ['terrace:fuel', '$root', 'log'],
    reaches: 'read metered invalid module-invalid module-forbidden import-forbidden',
  },
  { name: 'code', bytesMax: KIB, reaches: 'read trap end exhausted invalid module-invalid module-forbidden' },
  {
    name: 'reply',
    bytesMax: 4 * KIB,
    words: ['TRP1'],
    reaches: 'incomplete complete plan plan-unreadable goes-on',
  },
  {
    name: 'host',
    bytesMax: 2 * KIB,
    reaches:
      'plan-read plan-unreadable state-read state-unreadable refusal-read refusal-unreadable ' +
      'settings-read settings-unreadable settings-trapped',
  },
  {
    name: 'wire',
    bytesMax: 4 * KIB,
    reaches:
      'incomplete unknown frame-too-large frame-malformed request launch next reply exit reply+budgets ' +
      'reply+outcome reply+sample reply+started',
  },
  {
    name: 'recording',
    bytesMax: 4 * KIB,
    words: ['TREC', '"memoryPages":', '"pages":', '"globals":'],
    reaches: 'cut end recording-corrupt start no-start checkpoint no-checkpoint answer no-answer other',
  },
  {
    name: 'json',
    bytesMax: 4 * KIB,
    words: JSON_WORDS,
    reaches:
      'no-json confinement confinement-malformed manifest manifest-malformed abi-mismatch ' +
      'config config-malformed limits limits-malformed',
  },
  {
    name: 'trace',
    bytesMax: 4 * KIB,
    words: ['PGT1', 'PGT2'],
    reaches: 'decoded trace-malformed trace-too-large',
  },
];

/** Answers in a few words what became of an input; throws where something is broken. */
export type Fuzz = (input: Uint8Array) => string;

export async function loadTarget({ name }: Target): Promise<Fuzz> {
  return ((await import(`./targets/${name}.ts`)) as { readonly fuzz: Fuzz }).fuzz;
}
