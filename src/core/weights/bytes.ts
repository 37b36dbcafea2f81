/**
 * The bytes of a source, mapped if possible and read if not; above this file, only the speed differs.
 *
 * A local file on Linux is mapped: a range is a view, `want` and `forget` are advice to the kernel. Anything else
 * (a remote file, another system, `LAMINA_NO_MMAP` in the environment) is read: a range is a copy, `want` starts
 * its read and keeps the promise until the range is asked for or forgotten.
 */
import type { ByteSource } from "../hub/mod.ts";
import { outOfRange } from "./limits.ts";
import { mapPath, type Mapping } from "./libc.ts";

export interface FileBytes {
  readonly name: string;
  readonly size: number;
  readonly mapped: boolean;
  /** Bytes [start, end) within [0, size]; a view of the mapped file (never write to it) or a copy. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Announces that exactly [start, end) will be read soon; returns at once. */
  want(start: number, end: number): void;
  /** Announces that [start, end) is not needed for now. Views stay valid. */
  forget(start: number, end: number): void;
  /** Closes the source. Views stay valid. */
  close(): void;
}

/** The bytes of a source. It is closed with them. */
export function mapFile(source: ByteSource): FileBytes {
  const reading = source.path === undefined || Deno.env.get("LAMINA_NO_MMAP") !== undefined;
  const mapping = reading ? null : mapPath(source.path!, source.size);
  return mapping ? mappedBytes(source, mapping) : readBytes(source);
}

function mappedBytes(source: ByteSource, { buffer, sizeNow, want, forget, close }: Mapping): FileBytes {
  const { name, size } = source;
  let open = true;
  return {
    name,
    size,
    mapped: true,
    // deno-lint-ignore require-await -- throws as a rejection
    async read(start, end) {
      if (!open) throw new Error(`Cannot read ${name}: it is closed, expected an open file`);
      const now = sizeNow(); // to touch what has been cut off would kill the process
      if (end > now) {
        throw outOfRange(name, `the file has shrunk to ${now} bytes`, `its ${size} bytes at opening`);
      }
      return new Uint8Array(buffer, start, end - start);
    },
    want,
    forget,
    close() {
      if (!open) return;
      open = false;
      forget(0, size);
      close();
      source.close();
    },
  };
}

function readBytes(source: ByteSource): FileBytes {
  const { name, size } = source;
  const ahead = new Map<string, Promise<Uint8Array<ArrayBuffer>>>();
  return {
    name,
    size,
    mapped: false,
    read(start, end) {
      const key = `${start}-${end}`;
      const bytes = ahead.get(key) ?? source.read(start, end);
      ahead.delete(key);
      return bytes;
    },
    want(start, end) {
      const key = `${start}-${end}`;
      if (ahead.has(key)) return;
      const bytes = source.read(start, end);
      bytes.catch(() => ahead.delete(key)); // whoever reads tries again
      ahead.set(key, bytes);
    },
    forget(start, end) {
      ahead.delete(`${start}-${end}`);
    },
    close() {
      ahead.clear();
      source.close();
    },
  };
}
