import { Unreadable } from './guest.ts';
import type { Guest } from './guest.ts';
import type { ReplyBody } from './channel.ts';

const PLAN_BYTES = 48;
const LIST_BYTES = 8;
const RESULT_BYTES = 12;

/** The six lists of a plan, as views of the policy's memory. */
export function liftPlan(guest: Guest, answer: number): ReplyBody {
  const at = guest.range(answer, 4, PLAN_BYTES);
  return {
    regions: guest.list(at, 4, 4),
    targets: guest.list(at + 8, 1, 1),
    priorities: guest.list(at + 16, 2, 2),
    reasons: guest.list(at + 24, 1, 1),
    headroom: guest.list(at + 32, 4, 4),
    wishes: guest.list(at + 40, 4, 8),
  };
}

export function liftState(guest: Guest, answer: number, bytesMax: number): ReplyBody {
  const state = guest.list(guest.range(answer, 4, LIST_BYTES), 1, 1);
  if (state.length > bytesMax)
    throw new Unreadable(`${state.length} bytes of state, ${bytesMax} are allowed`);
  return { state };
}

/** `result<_, string>`: undefined for ok, else why not. */
export function liftRefusal(guest: Guest, answer: number): string | undefined {
  const at = guest.range(answer, 4, RESULT_BYTES);
  const tag = guest.view().getUint8(at);
  if (tag > 1) throw new Unreadable(`a result is neither ok nor error but ${tag}`);
  return tag === 1 ? guest.text(at + 4) : undefined;
}
