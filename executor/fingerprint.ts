/** FNV-1a, 32 bits: tells readings apart, guards nothing. */
export function fingerprint(text: string): number {
  let value = 0x811c_9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x0100_0193) >>> 0;
  return value;
}
