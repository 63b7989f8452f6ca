/** Every bound of the search for those who map a frame. */
export const MAPPER_BOUNDS = {
  /** Frames in one question; as many as base pages in a plan. */
  framesMax: 4_194_304,
  /** Frame numbers are unsigned 32-bit lanes: memory below 16 TiB. */
  frameEnd: 2 ** 32,
  /** More mappers of one frame than this are left out and the frame is `truncated`. */
  mappersPerFrameMax: 1_024,
  /** Rows in one answer; frames that would add more are `truncated`. */
  rowsMax: 4_194_304,
  /** Rounds of looking for processes that started during a scan. */
  listingsMax: 4,
  /** Frames whose only mapper is remembered; a power of two. 16 bytes each. */
  cachedFramesMax: 1_048_576,
  /** Frames in one call of the walk. */
  walkFramesPerCall: 4_096,
  /** Steps of the walk for one frame; a step looks at one tree node or one page-table entry. */
  walkStepsPerFrame: 1_024,
  /** Steps of one call, during which its processor holds back the freeing of kernel memory (RCU). */
  walkStepsPerCall: 16_384,
  /** The walk is worth it for fewer frames than this part of the resident pages. */
  walkPartMax: 0.02,
} as const;
