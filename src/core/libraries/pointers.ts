/**
 * Texts and lists of pointers for C, such as `char **`.
 *
 * A pointer taken from a typed array may dangle: small arrays lie in V8's own heap, which moves and frees them while C still
 * holds the address. So the list and all that it points to share one `ArrayBuffer`, which does not move, and which the
 * call keeps alive as its argument.
 */

import { sum } from "../entry/mod.ts";

const POINTER_BYTES = 8;

/** A text as C has it, with the zero that ends it. */
export const cString = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(`${text}\0`);

/** A path as ONNX Runtime has it on this system. */
export function cPath(path: string): Uint8Array<ArrayBuffer> {
  if (Deno.build.os !== "windows") return cString(path);
  return new Uint8Array(Uint16Array.from(`${path}\0`, (unit) => unit.charCodeAt(0)).buffer);
}

/** A buffer that begins with one pointer to each item; the items follow, aligned to 8 bytes. */
export function pointerList(items: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const aligned = (bytes: number) => Math.ceil(bytes / POINTER_BYTES) * POINTER_BYTES;
  const head = items.length * POINTER_BYTES;
  const buffer = new ArrayBuffer(head + sum(items, ({ length }) => aligned(length)));
  const pointers = new BigUint64Array(buffer, 0, items.length);
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer));
  let offset = head;
  items.forEach((item, i) => {
    new Uint8Array(buffer, offset).set(item);
    pointers[i] = base + BigInt(offset);
    offset += aligned(item.length);
  });
  return new Uint8Array(buffer);
}

/** Keys, values and their number, as C has them. */
export function textPairs(texts: Readonly<Record<string, string>>): [BufferSource, BufferSource, bigint] {
  const [keys, values] = [Object.keys(texts), Object.values(texts)].map((list) => list.map(cString));
  return [pointerList(keys), pointerList(values), BigInt(keys.length)];
}
