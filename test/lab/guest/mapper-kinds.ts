/** Kinds of memory in workloads/mappers.c. */
export const MAPPER_KINDS = [
  'plain',
  'mlocked',
  'no-access',
  'cow',
  'shmem',
  'memfd',
  'file',
  'thp',
  'thp-cow',
  'thp-parts',
  'memfd-thp',
  'hugetlb',
  'ksm',
  'dead-leader',
] as const;
export type MapperKind = (typeof MAPPER_KINDS)[number];
