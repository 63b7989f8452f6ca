/** Sums over the zones of one node, in base pages. Source: /proc/zoneinfo (zoneinfo_show_print, mm/vmstat.c). */
export interface NodeZones {
  readonly node: number;
  readonly free: number;
  /** Pages the buddy allocator owns; shrinks with a balloon. */
  readonly managed: number;
  /** Pages of online memory blocks; changes only with hot-plug. */
  readonly present: number;
  /**
   * High watermarks plus one per-CPU batch a zone: below it kswapd works, and the allocator takes a batch
   * at a time.
   */
  readonly watermark: number;
}

type Field = 'free' | 'managed' | 'present' | 'high' | 'batch';

/** Zone watermarks read `high N`, per-CPU lists `high: N` and `batch: N`; the colon tells them apart. */
const fieldPattern = /^\s+(?:(pages free|managed|present|high)\s+|(batch):\s*)(\d+)$/;

/** Nodes in ascending order; undefined when the text has no zone or one without its counts. */
export function parseZoneinfo(text: string): NodeZones[] | undefined {
  const nodes = new Map<number, NodeZones>();
  for (const section of text.split(/^(?=Node )/m)) {
    const title = /^Node (\d+), zone/.exec(section);
    if (!title) continue;
    const zone = readZone(section);
    if (!zone) return undefined;
    const node = Number(title[1]);
    const sum = nodes.get(node) ?? { free: 0, managed: 0, present: 0, watermark: 0 };
    nodes.set(node, {
      node,
      free: sum.free + zone.free,
      managed: sum.managed + zone.managed,
      present: sum.present + zone.present,
      watermark: sum.watermark + zone.high + zone.batch,
    });
  }
  return nodes.size === 0 ? undefined : [...nodes.values()].toSorted((a, b) => a.node - b.node);
}

function readZone(section: string): Record<Field, number> | undefined {
  const zone: Partial<Record<Field, number>> = {};
  for (const line of section.split('\n')) {
    const match = fieldPattern.exec(line);
    if (!match) continue;
    const field = (match[2] ?? match[1].replace('pages ', '')) as Field;
    zone[field] = Math.max(zone[field] ?? 0, Number(match[3]));
  }
  const { free, managed, present, high, batch = 0 } = zone;
  if (free === undefined || managed === undefined || present === undefined || high === undefined)
    return undefined;
  return { free, managed, present, high, batch };
}
