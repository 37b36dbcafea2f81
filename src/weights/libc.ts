/**
 * A file as memory: `mmap` of the C library, the one place of this room that calls foreign functions.
 *
 * Linux only; wherever it is not available (another system, no permission, no address space) the answer is null and
 * the caller reads instead. A mapping is read-only and private, and lives as long as the process: views of it may be
 * held by native code that no finaliser knows of. What it costs is address space, never memory: its pages are
 * the page cache's. Limit: a file that is truncated while a view of it is in use kills the process (SIGBUS); `sizeNow`
 * lets a reader notice before.
 */

/** A mapped file. Its pages come when they are touched. */
export interface Mapping {
  readonly buffer: ArrayBuffer;
  /** Bytes that the file has by now: what lies behind them must not be touched. */
  sizeNow(): number;
  /** Starts to read the pages of bytes [start, end) from disk; returns at once. */
  want(start: number, end: number): void;
  /** Takes the whole pages inside [start, end) out of resident memory. Views stay valid: a later access reads again. */
  forget(start: number, end: number): void;
  /** Lets go of the file; its bytes stay mapped. */
  close(): void;
}

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const SEEK_END = 2;
const PROT_READ = 1;
const MAP_PRIVATE = 2;
const MADV_WILLNEED = 3;
const MADV_DONTNEED = 4;

const symbols = {
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  lseek: { parameters: ["i32", "i64", "i32"], result: "i64" },
  mmap: { parameters: ["pointer", "usize", "i32", "i32", "i32", "i64"], result: "pointer" },
  getpagesize: { parameters: [], result: "i32" },
  madvise: { parameters: ["pointer", "usize", "i32"], result: "i32" },
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

/** Maps the file of `size` bytes at `path`; null where that is not possible, or the file has another size now. */
export function mapPath(path: string, size: number): Mapping | null {
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

  /** Advice about pages [first, last), of which the last may be cut off by the file's end. */
  function advise(first: number, last: number, advice: number) {
    const [start, end] = [Math.max(0, first * page), Math.min(size, last * page)]; // never past the mapping
    if (end > start) c!.madvise(Deno.UnsafePointer.offset(address!, start), BigInt(end - start), advice);
  }
  return {
    buffer: Deno.UnsafePointerView.getArrayBuffer(address, size),
    sizeNow,
    want: (start, end) => advise(Math.floor(start / page), Math.ceil(end / page), MADV_WILLNEED),
    forget(start, end) {
      const last = end === size ? Math.ceil(end / page) : Math.floor(end / page);
      advise(Math.ceil(start / page), last, MADV_DONTNEED);
    },
    close: () => void c.close(fd),
  };
}
