/** Memory that the C library keeps after it was freed. */

const symbols = {
  malloc_trim: { parameters: ["usize"], result: "i32" },
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
} as const;

const M_MMAP_THRESHOLD = -3;
/** Bytes from which memory is a mapping of its own: a large matrix in blocks is, and the arrays of small models are not. */
const LARGE = 4 * 2 ** 20;

let library: Deno.DynamicLibrary<typeof symbols> | null | undefined;

/** Gives freed memory back to the system, where the C library is glibc: it keeps what lies between other blocks, hundreds of megabytes after large copies. */
export function returnFreedMemory(): void {
  libc()?.malloc_trim(0n);
}

/** Has large memory return to the system as soon as it is freed: glibc would soon keep whatever has less than 32 MB. */
export function returnLargeMemory(): void {
  libc()?.mallopt(M_MMAP_THRESHOLD, LARGE);
}

function libc() {
  if (library === undefined) library = open();
  return library?.symbols;
}

function open(): typeof library {
  try {
    return Deno.build.os === "linux" ? Deno.dlopen("libc.so.6", symbols) : null;
  } catch {
    return null; // no permission, or another C library
  }
}
