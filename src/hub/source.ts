/**
 * A source of bytes: it has a size and returns any range of its bytes.
 * A local file, a hub file behind HTTP ranges, or a buffer in memory: readers cannot tell the difference.
 */
export interface ByteSource {
  /** Names the source in every error: a path or an id. */
  readonly name: string;
  /** Total bytes. */
  readonly size: number;
  /** The path on this machine, if it is a local file: lets a reader map the file instead of reading it. */
  readonly path?: string;
  /** Returns bytes [start, end). Throws `RangeError` outside [0, size]. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Closes the source. */
  close(): void;
}
