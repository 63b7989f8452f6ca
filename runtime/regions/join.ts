import { EVENT } from '../contract.ts';
import { NONE, type Cover, type Join, type JoinInputs } from './join-state.ts';
import { mergeRegions } from './order.ts';

/** What an owner's regions are after a sample, and which of them it does not show. */
export interface Joined {
  readonly known: Uint32Array;
  readonly unseen: readonly number[];
}

/**
 * Merge-join of an owner's known regions with its rows. A region lives on while a row begins where it
 * begins; one that another row covers merges into that row's region; what a region loses to rows of their
 * own is split from it. Rows are disjoint; known regions may lie within each other where moves put them.
 */
export function joinRows(inputs: JoinInputs): Joined {
  const { start: row, end, known, slots, rowRegion } = inputs;
  const join: Join = { ...inputs, row, at: 0, changed: false, covers: [], unseen: [], ignored: [] };
  while (true) {
    matchRun(join);
    if (join.row === end) break;
    join.changed = true;
    placeRow(join);
  }
  const changed = join.changed || join.at < known.length;
  while (join.at < known.length) leave(join, known[join.at++], Infinity);
  closeCovers(join, Infinity);
  const after = changed ? listRegions(join) : known;
  for (const ignored of join.ignored) rowRegion[ignored] = slots.regions;
  return { known: after, unseen: join.unseen };
}

/** As long as rows are what is known: nearly all there is to do in a quiet epoch. */
function matchRun(join: Join): void {
  const { known, end, rowRegion } = join;
  const { pageNumber, pages } = join.rows;
  const { pageNumber: knownPageNumber, pages: knownPages } = join.slots;
  let { row, at } = join;
  const stop = Math.min(end, row + known.length - at);
  while (row < stop) {
    const region = known[at];
    if (knownPageNumber[region] !== pageNumber[row] || knownPages[region] !== pages[row]) break;
    rowRegion[row++] = region;
    at++;
  }
  join.row = row;
  join.at = at;
}

/** One row that differs from what is known. */
function placeRow(join: Join): void {
  const { slots, rows, rowRegion, row, known } = join;
  const first = rows.pageNumber[row];
  const size = rows.pages[row];
  while (join.at < known.length && slots.pageNumber[known[join.at]] < first)
    leave(join, known[join.at++], first);
  const region = takeMatch(join, first, size);
  if (region === NONE) rowRegion[row] = arrive(join, first, size);
  else {
    rowRegion[row] = region;
    if (slots.pages[region] > size) openCover(join, region, true);
    slots.pages[region] = size;
  }
  join.row++;
  while (join.at < known.length && slots.pageNumber[known[join.at]] === first)
    leave(join, known[join.at++], first);
}

/**
 * The known region that begins where the row begins: of several, the one of its size, or else the largest.
 * A row nobody looked at says nothing of a region that was moved there lately and has another size.
 */
function takeMatch(join: Join, first: number, size: number): number {
  const { slots, known, recent, rows, row } = join;
  while (join.at < known.length && slots.pageNumber[known[join.at]] === first) {
    const region = known[join.at];
    const next = known[join.at + 1];
    const smaller = join.at + 1 < known.length && slots.pageNumber[next] === first;
    if (slots.pages[region] === size) return known[join.at++];
    const says = rows.coverage[row] > 0 || !recent.excuses(region);
    if (says && !(smaller && slots.pages[next] >= size)) return known[join.at++];
    if (slots.pages[region] > size) openCover(join, region, false);
    else join.unseen.push(region);
    join.at++;
  }
  return NONE;
}

/** A known region that begins before `first`, the next row, or nowhere in the sample. */
function leave(join: Join, region: number, first: number): void {
  const { slots, rows, start, row, rowRegion, recent } = join;
  const before = row - 1;
  const begin = slots.pageNumber[region];
  if (before >= start && begin < rows.pageNumber[before] + rows.pages[before]) {
    const survivor = rowRegion[before];
    if (survivor === NONE || (rows.coverage[before] === 0 && recent.excuses(region))) miss(join, region);
    else recent.end(EVENT.merged, region, survivor);
  } else if (begin + slots.pages[region] > first) openCover(join, region, false);
  else miss(join, region);
}

/** No row shows the region. */
function miss(join: Join, region: number): void {
  if (join.recent.excuses(region)) join.unseen.push(region);
  else join.recent.end(EVENT.died, region, 0);
}

/** The region of a row that begins where no region was known to begin. */
function arrive(join: Join, first: number, size: number): number {
  const { slots, events, recent, rows, row, ordinal, epoch } = join;
  closeCovers(join, first);
  const cover = join.covers.at(-1);
  if (rows.coverage[row] === 0 && isOutdated(join, cover, first, size)) {
    join.ignored.push(row);
    return NONE;
  }
  const giver = cover ? cover.region : recent.credits.giverTo(first, size);
  const region = slots.bear(ordinal, first, size, epoch);
  if (cover) cover.parted = true;
  else if (giver !== undefined) recent.credits.announce(giver, region);
  if (giver === undefined) events.push(EVENT.born, region, 0);
  else events.push(EVENT.split, giver, region);
  return region;
}

/**
 * Whether a row that nobody looked at is from before a move: it lies where a move put something larger, or
 * where moves left nothing and nothing was found since.
 */
function isOutdated(
  { slots, known, at, recent }: Join,
  cover: Cover | undefined,
  first: number,
  size: number,
) {
  if (cover && !cover.lives && recent.excuses(cover.region)) return true;
  if (!recent.vacated(first, size)) return false;
  let next = at;
  while (next < known.length && recent.excuses(known[next])) next++;
  return next === known.length || slots.pageNumber[known[next]] >= first + size;
}

function openCover(join: Join, region: number, lives: boolean): void {
  const { pageNumber, pages } = join.slots;
  closeCovers(join, pageNumber[region]);
  join.covers.push({ region, end: pageNumber[region] + pages[region], lives, parted: false });
}

/** Covers that end before `first` will be split no more. */
function closeCovers(join: Join, first: number): void {
  const { covers, recent } = join;
  while (covers.length > 0 && covers[covers.length - 1].end <= first) {
    const { region, lives, parted } = covers.pop()!;
    if (parted && !lives) recent.end(EVENT.died, region, 0);
    else if (!lives) miss(join, region);
  }
}

function listRegions({ slots, rowRegion, start, end, ignored, unseen }: Join): Uint32Array {
  const placed = rowRegion.slice(start, end);
  const sorted = ignored.length > 0 ? placed.filter((region) => region !== NONE) : placed;
  return mergeRegions(slots, sorted, unseen);
}
