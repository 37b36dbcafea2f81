/**
 * Weights that stay on an engine from one pass over a model to the next, while there is room.
 *
 * A pass goes through the layers in order, and so does the next: when layer l is needed, the layers just behind it are those that are needed
 * again last. Least recently used, which is right for the experts of one layer, would evict every layer shortly before its next use, so
 * that nothing were ever reused (Belady 1966: evict what is needed again last). The rules are therefore
 *
 *     within a layer    the one used longest ago goes first: experts, parts of a layer that are used by every batch
 *     among layers      the layer used last goes first, except the one at work
 *     a whole layer     evicts nothing, since it is needed again later than all that is at hand: the first layers that fit stay
 *
 * With room for k of n layers, a pass but the first finds k whole layers at hand, or the experts of n (k − 1)/(n − 1) layers: the layer at
 * work needs room too. Both are the most that is possible.
 */
/** Something that takes memory of an engine until it is freed. */
export type Resident = { readonly bytes: number; free(): void };

/** What is known of weights before they are made. */
export interface Place {
  /** Tells the weights apart from all others. */
  readonly key: string;
  readonly layer: number;
  /** Whether they are used several times before the next layer is: they may take the room of other layers. */
  readonly isRepeated: boolean;
}

interface Loan<R extends Resident> {
  readonly resident: R;
  /** Ends the use: weights without a place at hand are freed. A second call does nothing. */
  giveBack(): void;
}

export interface Residents {
  /** The source of the weights: those of another have no place here. Null for any. */
  readonly of: object | null;
  /** Bytes that are neither taken nor claimed. */
  readonly left: number;
  /** Borrows weights, made if they are not at hand. Rejects with the error of `make`, and keeps nothing then. */
  borrow<R extends Resident>(place: Place, make: () => R | Promise<R>): Promise<Loan<R>>;
  /** Takes room for weights that are kept elsewhere (a decoder's). The returned function gives it back. */
  claim(bytes: number): () => void;
  clear(): void;
  /** The same, and keeps nothing from now on: weights in use are freed when they are given back. */
  close(): void;
}

type Entry<R extends Resident = Resident> = { readonly resident: R; readonly place: Place; users: number };

/** Residents without weights, with room for `room` bytes. */
export function openResidents(of: object | null, room: number): Residents {
  const layers = new Map<number, Map<string, Entry>>(); // both: the one used longest ago first
  let [left, isClosed] = [room, false];

  const find = ({ layer, key }: Place): Entry | undefined => layers.get(layer)?.get(key);

  const isKept = (entry: Entry): boolean => find(entry.place) === entry;

  function remove({ place: { layer, key }, resident }: Entry): void {
    const own = layers.get(layer)!;
    own.delete(key);
    if (own.size === 0) layers.delete(layer);
    left += resident.bytes;
  }

  function place(entry: Entry): void {
    const { layer, key } = entry.place;
    const own = layers.get(layer) ?? new Map<string, Entry>();
    layers.delete(layer);
    layers.set(layer, own.set(key, entry));
    left -= entry.resident.bytes;
  }

  /** Frees what is not in use, in the order of the layers, until there is enough room. */
  function evict(order: readonly number[], isEnough: () => boolean): void {
    for (const entry of order.flatMap((layer) => [...layers.get(layer)?.values() ?? []])) {
      if (isEnough()) return;
      if (entry.users > 0) continue;
      remove(entry);
      entry.resident.free();
    }
  }

  function fits({ layer, isRepeated }: Place, bytes: number): boolean {
    if (isClosed) return false;
    if (left < bytes && isRepeated && bytes <= room) {
      const others = [...layers.keys()].filter((other) => other !== layer).reverse();
      evict([...others, layer], () => left >= bytes);
    }
    return left >= bytes;
  }

  const clear = () => evict([...layers.keys()], () => false);

  return {
    of,
    get left() {
      return Math.max(0, left);
    },
    async borrow<R extends Resident>(at: Place, make: () => R | Promise<R>): Promise<Loan<R>> {
      const known = find(at) as Entry<R> | undefined;
      const entry = known ?? { resident: await make(), place: at, users: 0 };
      if (known) remove(known);
      if (known || !find(at) && fits(at, entry.resident.bytes)) place(entry);
      entry.users++;
      let isLent = true;
      return {
        resident: entry.resident,
        giveBack() {
          if (!isLent) return;
          isLent = false;
          entry.users--;
          if (entry.users > 0) return;
          if (isClosed && isKept(entry)) remove(entry);
          if (!isKept(entry)) entry.resident.free();
        },
      };
    },
    claim(bytes) {
      left -= bytes;
      evict([...layers.keys()].reverse(), () => left >= 0);
      let isClaimed = true;
      return () => {
        if (isClaimed) left += bytes;
        isClaimed = false;
      };
    },
    clear,
    close() {
      isClosed = true;
      clear();
    },
  };
}
