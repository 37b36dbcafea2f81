/**
 * Bytes of a local file.
 *
 * A file is opened once and read at positions. A positioned read is a seek and a read on one
 * shared handle, so reads are queued: two callers never see each other's offset.
 */
import { closed, decodeText, failing, oneByOne } from "../entry/mod.ts";

/** Throws `RangeError` unless [start, end) lies within [0, size]. */
export function checkRange(name: string, start: number, end: number, size: number): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > size) {
    throw new RangeError(
      `Cannot read ${name}: bytes [${start}, ${end}), expected a range within [0, ${size}]`,
    );
  }
}

/** Opens a local file. Throws `Error` that names the path if nothing is there or it is not a regular file. */
export async function fileSource(path: string): Promise<ByteSource> {
  const file = await openRegular(path);
  const size = (await file.stat()).size;
  const inOrder = oneByOne();
  let open = true;

  async function readAt(start: number, end: number) {
    const bytes = new Uint8Array(end - start);
    await file.seek(start, Deno.SeekMode.Start);
    for (let filled = 0; filled < bytes.length;) {
      const count = await file.read(bytes.subarray(filled));
      if (count === null) {
        throw new RangeError(
          `Cannot read ${path}: it ends at byte ${start + filled}, expected ${size} bytes`,
        );
      }
      filled += count;
    }
    return bytes;
  }

  return {
    name: path,
    size,
    path,
    read: (start, end) =>
      inOrder(() => {
        if (!open) throw new Error(`Cannot read ${path}: it is closed, expected an open file`);
        checkRange(path, start, end, size);
        return readAt(start, end);
      }),
    close() {
      if (open) inOrder(() => file.close());
      open = false;
    },
  };
}

/** The whole of a source, which is closed then. Throws `RangeError` above `limit` bytes. */
export async function readWhole(source: ByteSource, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  using _source = closed(source);
  if (source.size <= limit) return await source.read(0, source.size);
  throw new RangeError(`Cannot read ${source.name}: ${source.size} bytes, expected at most ${limit}`);
}

/** The same as text. Throws `SyntaxError` if it is not UTF-8. */
export async function readText(source: ByteSource, limit: number): Promise<string> {
  return decodeText(await readWhole(source, limit), source.name);
}

async function openRegular(path: string): Promise<Deno.FsFile> {
  const { isFile, isDirectory } = await Deno.stat(path) // before opening: to open a pipe would wait for its writer
    .catch(failing(`Cannot open ${path}`));
  if (isFile) return await Deno.open(path).catch(failing(`Cannot open ${path}`));
  const found = isDirectory ? "a folder" : "a special file";
  throw new Error(`Cannot open ${path}: found ${found}, expected a file`);
}

/**
 * A source of bytes: it has a size and returns any range of its bytes.
 * A local file, a hub file behind HTTP ranges, or a buffer in memory: readers cannot tell the difference.
 */
export interface ByteSource {
  /** Names the source in every error: a path or an id. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The path on this machine, if it is a local file: lets a reader map the file instead of reading it. */
  readonly path?: string;
  /** Returns bytes [start, end). Throws `RangeError` outside [0, size]. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Closes the file. */
  close(): void;
}
