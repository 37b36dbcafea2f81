/**
 * Bytes of a local file and of a buffer.
 *
 * A file is opened once and read at positions. A positioned read is a seek and a read on one
 * shared handle, so reads are queued: two callers never see each other's offset.
 */
import { failure } from "../entry/mod.ts";
import type { ByteSource } from "./source.ts";

/** Throws `RangeError` unless [start, end) lies within [0, size]. */
export function checkRange(name: string, start: number, end: number, size: number): void {
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end < start || end > size) {
    throw new RangeError(
      `Cannot read ${name}: bytes [${start}, ${end}), expected a range within [0, ${size}]`,
    );
  }
}

/**
 * Opens a local file. Throws `Error` that names the path if nothing is there or it is not a regular file.
 */
export async function fileSource(path: string): Promise<ByteSource> {
  const file = await openRegular(path);
  const size = (await file.stat()).size;
  let queue: Promise<unknown> = Promise.resolve();
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
    read(start, end) {
      const result = queue.then(() => {
        if (!open) throw new Error(`Cannot read ${path}: it is closed, expected an open file`);
        checkRange(path, start, end, size);
        return readAt(start, end);
      });
      queue = result.catch(() => {});
      return result;
    },
    close() {
      if (open) queue.then(() => file.close());
      open = false;
    },
  };
}

/** Bytes that are in memory already. Reads give copies. */
export function bufferSource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.length,
    // deno-lint-ignore require-await
    async read(start, end) {
      checkRange(name, start, end, bytes.length);
      return new Uint8Array(bytes.subarray(start, end));
    },
    close() {},
  };
}

/** The whole of a source as text. Throws `RangeError` above `limit` bytes, `SyntaxError` if it is not UTF-8. */
export async function readText(source: ByteSource, limit: number): Promise<string> {
  if (source.size > limit) {
    throw new RangeError(`Cannot read ${source.name}: ${source.size} bytes, expected at most ${limit}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(await source.read(0, source.size));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new SyntaxError(`Cannot read ${source.name}: not valid UTF-8, expected text`);
  }
}

async function openRegular(path: string): Promise<Deno.FsFile> {
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path); // before opening: to open a pipe would wait for its writer
  } catch (error) {
    throw failure(`Cannot open ${path}`, error);
  }
  if (info.isFile) {
    return await Deno.open(path).catch((error) => {
      throw failure(`Cannot open ${path}`, error);
    });
  }
  throw new Error(
    `Cannot open ${path}: found ${info.isDirectory ? "a folder" : "a special file"}, expected a file`,
  );
}
