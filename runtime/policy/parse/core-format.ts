/** What admission and the meter both know of a core module's form (WebAssembly 2.0, section 5.5). */
export const CORE_HEADER: readonly number[] = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** Section ids but for custom ones, in the order in which they come. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];

/** Kinds of imports and exports. */
export const EXTERNAL = { function: 0, table: 1, memory: 2, global: 3 } as const;

/** Begins the name of everything that metering exports; no module that comes in may use it. */
export const METER_PREFIX = 'terrace:';
