/** Everything a policy's author needs: `import { Plan, Snapshot } from './sdk'`. */
export { load128, store128 } from './abi';
export { Chunk } from './chunk';
export { RegionFlag } from './columns';
export { Epoch } from './epoch';
export { EventKind, Events } from './events';
export { fit } from './fit';
export { log } from './log';
export { Metric, MetricId, SUBJECT_MACHINE } from './metric';
export { Place, PlaceKind, PlaceState, PLACE_NONE } from './place';
export { Plan, PLAN_ENTRIES_MAX, Wish } from './plan';
export { Snapshot } from './snapshot';
