/** What is fuzzed, each by `targets/NAME.ts`, whose `fuzz` answers in a few words what became of an input. */
export interface Target {
  readonly name: string;
  /** Of one input. */
  readonly bytesMax: number;
  /** Words that its inputs are made of, which a fuzzer would be slow to find. */
  readonly words?: readonly string[];
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
  },
  { name: 'core', bytesMax: 8 * KIB, words: ['terrace:fuel', '$root', 'log'] },
  { name: 'code', bytesMax: KIB },
  { name: 'reply', bytesMax: 4 * KIB, words: ['TRP1'] },
  { name: 'host', bytesMax: 2 * KIB },
  { name: 'wire', bytesMax: 4 * KIB },
  { name: 'recording', bytesMax: 4 * KIB, words: ['TREC', '"memoryPages":', '"pages":', '"globals":'] },
  { name: 'json', bytesMax: 4 * KIB, words: JSON_WORDS },
  { name: 'trace', bytesMax: 4 * KIB, words: ['PGT1', 'PGT2'] },
];

/** Answers in a few words what became of an input; throws where something is broken. */
export type Fuzz = (input: Uint8Array) => string;

export async function loadTarget({ name }: Target): Promise<Fuzz> {
  return ((await import(`./targets/${name}.ts`)) as { readonly fuzz: Fuzz }).fuzz;
}
