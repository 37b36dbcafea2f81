/**
 * Where bytes come from, seen from above: something with a size that gives any range of itself.
 * A local file, a file of the hub behind HTTP ranges, or a buffer in memory: readers cannot tell.
 */
export interface ByteSource {
  /** Names the source in every error: a path or an id. */
  readonly name: string;
  /** Total bytes. */
  readonly size: number;
  /** The path on this machine, where there is one: lets a reader map the file instead of reading it. */
  readonly path?: string;
  /** Bytes [start, end). Throws `RangeError` outside [0, size]. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Releases whatever is open. */
  close(): void;
}
