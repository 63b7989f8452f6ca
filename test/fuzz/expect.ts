import type { Failure } from '../../executor/result.ts';

/** Throws what a fuzzer takes for a finding. */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`broken: ${what}`);
}

/** A refusal is a code and one line that a terminal can show; answers the code. */
export function refusalCode({ code, message }: Failure<string>): string {
  must(/^[a-z]+(-[a-z]+)*$/.test(code), `the code ${JSON.stringify(code)}`);
  must(
    message.length > 0 && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(message),
    `the message ${JSON.stringify(message)}`,
  );
  return code;
}

/** The same bytes in a buffer of their own, as everything behind a socket or a file has them. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes);
}

/** Cuts a stream in pieces of `size` bytes, the last one shorter. */
export function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
