/** Memory that the C library keeps after it was freed. */

const symbols = { malloc_trim: { parameters: ["usize"], result: "i32" } } as const;

let library: Deno.DynamicLibrary<typeof symbols> | null | undefined;

/** Gives freed memory back to the system, where the C library is glibc: it keeps what lies between other blocks, hundreds of megabytes after large copies. */
export function returnFreedMemory(): void {
  if (library === undefined) library = open();
  library?.symbols.malloc_trim(0n);
}

function open(): typeof library {
  try {
    return Deno.build.os === "linux" ? Deno.dlopen("libc.so.6", symbols) : null;
  } catch {
    return null; // no permission, or another C library
  }
}
