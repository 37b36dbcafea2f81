/**
 * Where bytes come from, seen from above: something with a size that returns any range of its bytes.
 * A local file, a hub file behind HTTP ranges, or a buffer in memory: readers cannot tell the difference.
 */
export interface ByteSource {
  /** Names the source in every error: a path or an id. */
  readonly name: string;
  /** Total bytes. */
  readonly size: number;
  /** The path on this machine, if there is one: lets a reader map the file instead of reading it. */
  readonly path?: string;
  /** Bytes [start, end). Throws `RangeError` outside [0, size]. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Releases whatever is open. */
  close(): void;
}
