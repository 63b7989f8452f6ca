import type { Sample } from '../telemetry/source.ts';

const LEVELS = ' ▁▂▃▄▅▆▇█';
const FAST_NODE = 0;
const FAST_COLOUR = '\x1b[32m';
const SLOW_COLOUR = '\x1b[34m';
const COLOUR_END = '\x1b[39m';

/**
 * An epoch's memory in `width` characters, by address: the height is the logarithm of the samples per
 * page, the colour says where most pages of that stretch live (green fast, blue slow).
 */
export function drawHeatStrip(rows: Sample['rows'], width: number, colour: boolean): string {
  let strip = '';
  let current = '';
  for (let cell = 0; cell < width; cell++) {
    const start = Math.floor((cell * rows.node.length) / width);
    const end = Math.floor(((cell + 1) * rows.node.length) / width);
    const { level, fast } = measureCell(rows, start, end);
    const wanted = fast ? FAST_COLOUR : SLOW_COLOUR;
    if (colour && wanted !== current) strip += current = wanted;
    strip += LEVELS[level];
  }
  return colour ? strip + COLOUR_END : strip;
}

function measureCell(rows: Sample['rows'], start: number, end: number): { level: number; fast: boolean } {
  let samples = 0;
  let fastPages = 0;
  for (let row = start; row < end; row++) {
    samples += rows.accesses[row];
    if (rows.node[row] === FAST_NODE) fastPages++;
  }
  const perPage = end > start ? samples / (end - start) : 0;
  const level =
    perPage === 0 ? 0 : Math.min(LEVELS.length - 1, Math.max(1, Math.round(Math.log2(perPage) + 4)));
  return { level, fast: fastPages * 2 > end - start };
}
