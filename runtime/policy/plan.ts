import { failure, success } from '../../executor/result.ts';
import type { Result } from '../../executor/result.ts';
import type { Plan, Wish } from '../contract.ts';
import type { Reply } from './reply.ts';
import { WISH_BYTES } from './wire.ts';

/** The plan in a reply, its columns' lengths checked against each other. What the values say is `bind`'s to judge. */
export function readPlan({ lengths, section }: Reply, places: number): Result<Plan, 'plan-unreadable'> {
  const { regions, targets, priorities, reasons, headroom, wishes } = lengths;
  const fault =
    differs('targets', targets, regions) ??
    (priorities > 0 ? differs('priorities', priorities, regions) : undefined) ??
    (reasons > 0 ? differs('reasons', reasons, regions) : undefined) ??
    (headroom > 0 && headroom !== places ? `${headroom} headroom for ${places} places` : undefined);
  if (fault !== undefined) return failure('plan-unreadable', `the policy answered a plan of ${fault}`);
  return success({
    regions: new Uint32Array(section('regions').buffer, section('regions').byteOffset, regions),
    targets: section('targets'),
    priorities: new Uint16Array(section('priorities').buffer, section('priorities').byteOffset, priorities),
    reasons: section('reasons'),
    headroom: new Uint32Array(section('headroom').buffer, section('headroom').byteOffset, headroom),
    wishes: readWishes(section('wishes'), wishes),
  });
}

function differs(name: string, length: number, regions: number): string | undefined {
  return length === regions ? undefined : `${length} ${name} for ${regions} regions`;
}

function readWishes(bytes: Uint8Array<ArrayBuffer>, count: number): Wish[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: count }, (_, i) => ({
    id: view.getUint16(i * WISH_BYTES, true),
    subject: view.getUint16(i * WISH_BYTES + 2, true),
    value: view.getUint32(i * WISH_BYTES + 4, true),
  }));
}
