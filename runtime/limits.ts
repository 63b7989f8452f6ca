/** The runtime's named bounds. Each has a test that reaches it. */

/** Regions in one snapshot. */
export const regionCountMax = 16_777_216;
/** Owners in one snapshot; the WIT counts them in a u16. */
export const ownersMax = 65_535;
/** Places in one snapshot; index 255 means "in none". */
export const placesMax = 255;
