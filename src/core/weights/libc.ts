/**
 * A file as memory: `mmap` of the C library, the one place of this room that calls foreign functions.
 *
 * Linux only; where it is not available (another system, no permission, no address space), the result is null and
 * the caller reads instead. A mapping is read-only and private, and lives as long as the process: views of it may be
 * held by native code that no finaliser knows of. It costs address space, never memory: its pages belong to
 * the page cache. Limit: a file that is truncated while a view of it is in use kills the process (SIGBUS); `sizeNow`
 * lets a reader notice before.
 */

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const SEEK_END = 2;
const PROT_READ = 1;
const MAP_PRIVATE = 2;
const MADV_WILLNEED = 3;
const MADV_DONTNEED = 4;
const MADV_POPULATE_READ = 22;
/** The kernel follows an advice to read up to the disk's read-ahead, by default this number of bytes. */
const ADVISED = 128 * 2 ** 10;
/** Bytes that are read ahead in one call, and so long resident: enough for full speed. */
const PIECE = 16 * 2 ** 20;

const symbols = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  getpagesize: { parameters: [], result: "i32" },
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
  populate: { name: "madvise", parameters: ["pointer", "usize", "i32"], result: "i32", nonblocking: true },
} as const;

let library: Deno.DynamicLibrary<typeof symbols>["symbols"] | null | undefined;

function libc() {
  if (library !== undefined) return library;
  try {
    library = Deno.build.os === "linux" ? Deno.dlopen("libc.so.6", symbols).symbols : null;
  } catch {
    library = null; // no permission, or another C library: reading stands in
  }
  return library;
}

/** A mapped file. Its pages come when they are touched. */
export type Mapping = NonNullable<ReturnType<typeof mapPath>>;

/** Maps the file of `size` bytes at `path`; null where that is not possible, or the file has another size now. */
export function mapPath(path: string, size: number) {
  const c = libc();
  if (!c || size === 0) return null;
  const fd = c.open(new TextEncoder().encode(path + "\0"), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return null;
  const sizeNow = () => Number(c.lseek(fd, 0n, SEEK_END));
  const address = sizeNow() === size ? c.mmap(null, BigInt(size), PROT_READ, MAP_PRIVATE, fd, 0n) : null;
  if (address === null || Deno.UnsafePointer.value(address) === 0xffff_ffff_ffff_ffffn) { // MAP_FAILED
    c.close(fd);
    return null;
  }
  const page = c.getpagesize();
  let ahead = Promise.resolve();
  let isOpen = true;

  /** Arguments of a call for pages [first, last), the last of which may be cut off by the file's end. */
  function pages(first: number, last: number): [Deno.PointerValue, bigint] {
    const [start, end] = [Math.max(0, first * page), Math.min(size, last * page)]; // never past the mapping
    return [Deno.UnsafePointer.offset(address!, start), BigInt(Math.max(0, end - start))];
  }
  /** All pages of bytes [start, end). */
  const pagesOf = (start: number, end: number) => pages(Math.floor(start / page), Math.ceil(end / page));

  /** Reads pages on another thread, piece by piece, and takes them out of resident memory again: the page cache has them. */
  async function readAhead(start: number, end: number): Promise<void> {
    for (let at = start; at < end && isOpen; at += PIECE) {
      const piece = pagesOf(at, Math.min(end, at + PIECE));
      const isRead = await c!.populate(...piece, MADV_POPULATE_READ) === 0; // not before Linux 5.14
      c!.madvise(...piece, isRead ? MADV_DONTNEED : MADV_WILLNEED);
    }
  }
  return {
    buffer: Deno.UnsafePointerView.getArrayBuffer(address, size),
    /** The present size of the file: bytes behind it must not be read. */
    sizeNow,
    /** Starts to read the pages of bytes [start, end) from disk into the page cache; returns at once. */
    want(start: number, end: number): void {
      if (end - start <= ADVISED) c.madvise(...pagesOf(start, end), MADV_WILLNEED);
      else ahead = ahead.then(() => readAhead(start, end));
    },
    /** Takes the whole pages inside [start, end) out of resident memory. Views stay valid: a later access reads again. */
    forget(start: number, end: number): void {
      const last = end === size ? Math.ceil(end / page) : Math.floor(end / page);
      c.madvise(...pages(Math.ceil(start / page), last), MADV_DONTNEED);
    },
    /** Lets go of the file; its bytes stay mapped. */
    close(): void {
      isOpen = false;
      c.close(fd);
    },
  };
}
