/** The memory that leased tensors lie in. */
import type { Lease } from "../../weights/mod.ts";

/** Memory of a lease. */
export function buffersOf({ tensors, blocks = new Map() }: Omit<Lease, "release">): Set<ArrayBufferLike> {
  const matrices = [...blocks.values()].flatMap(({ quants, scales, zeros, offsets }) =>
    [quants, scales, zeros, offsets].flatMap((array) => array && typeof array !== "number" ? [array] : [])
  );
  return new Set([...[...tensors.values()].map(({ data }) => data), ...matrices].map(({ buffer }) => buffer));
}

/** Gives memory back at once, whenever garbage is collected. */
export function detach(buffers: Iterable<ArrayBufferLike>): void {
  for (const buffer of buffers) (buffer as ArrayBuffer).transfer(0);
}
