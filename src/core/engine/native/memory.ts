/** The memory of this machine and of this process: what is free, what the C library keeps, and the stack. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the system mounts its control groups. */
const GROUPS = "/sys/fs/cgroup";

/** Bytes that this process can still have: those of the machine, or of its control group where they are fewer. */
export function availableBytes(
  machine = machineBytes(Deno.systemMemoryInfo()),
  read: (path: string) => string | null = readText,
): number {
  const groups = (read("/proc/self/cgroup") ?? "").split("\n").flatMap((line) => {
    const [, controllers, path] = line.match(/^\d+:([^:]*):(.*)$/) ?? [];
    if (path === undefined) return [];
    if (controllers === "") return folders(GROUPS, path).map((folder) => left(folder, FILES.v2, read));
    if (!controllers.split(",").includes("memory")) return [];
    return folders(`${GROUPS}/memory`, path).map((folder) => left(folder, FILES.v1, read));
  });
  return Math.max(0, Math.min(machine, ...groups));
}

/** What the system has left: on Windows, Deno reports it as `free`, and 0 as `available`. */
export function machineBytes({ available, free }: Pick<Deno.SystemMemoryInfo, "available" | "free">): number {
  return available || free;
}

/** Files of both versions: the limit, what is used, and what of that are copies of files, which give way. */
const FILES = {
  v1: {
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    copies: /^total_(?:in)?active_file (\d+)/gm,
  },
  v2: { limit: "memory.max", used: "memory.current", copies: /^(?:in)?active_file (\d+)/gm },
} as const;

/** The folder of a group and of all around it; in a container, whose own is the root, the outer path is not there. */
function folders(root: string, path: string): string[] {
  const names = path.split("/").filter((name) => name !== "" && name !== "..");
  return [...names.keys(), names.length].map((depth) => join(root, ...names.slice(0, depth)));
}

function left(
  folder: string,
  files: typeof FILES[keyof typeof FILES],
  read: (path: string) => string | null,
) {
  const [limit, used] = [files.limit, files.used].map((name) =>
    Number(read(join(folder, name))?.trim() || NaN)
  );
  if (!Number.isFinite(limit) || !Number.isFinite(used)) return Infinity; // "max", or no such group
  const copies = (read(join(folder, "memory.stat")) ?? "").matchAll(files.copies);
  return limit - used + [...copies].reduce((sum, [, bytes]) => sum + Number(bytes), 0);
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf-8");
  } catch {
    return null;
  }
}

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
  if (library !== undefined) return library?.symbols;
  try {
    library = Deno.build.os === "linux" ? Deno.dlopen("libc.so.6", symbols) : null;
  } catch {
    library = null; // no permission, or another C library
  }
  return library?.symbols;
}

/** Bytes of stack for each byte of the line; the rest of what it takes is left to JavaScript and to the environment. */
const STACK_PER_BYTE = 512;
/** Linux's usual stack, where the system does not say. */
const USUAL_STACK = 8 * 2 ** 20;

/**
 * Throws `RangeError` where the command line of this process is too long. While ONNX Runtime is loaded, it matches a regular
 * expression with /proc/self/cmdline, by a function that calls itself for each byte: 290 bytes of stack each, measured with stacks of
 * 4, 8 and 16 MiB (it ends at 14.4, 28.9 and 57.9 kB). Too long a line overflows the stack and ends the process, which nothing can
 * catch. Other systems than Linux have no such file.
 */
export function expectShortCommandLine(read = readText): void {
  const bytes = new TextEncoder().encode(read("/proc/self/cmdline") ?? "").length;
  const most = longestCommandLine(read("/proc/self/limits"));
  if (bytes <= most) return;
  throw new RangeError(
    `Cannot load ONNX Runtime: the command line has ${bytes} bytes, expected at most ${most}; ` +
      "pass long texts and lists in a file, as @FILE",
  );
}

/** Bytes of the longest command line for the stack that /proc/self/limits names. */
export function longestCommandLine(limits: string | null): number {
  const [, stack] = limits?.match(/^Max stack size\s+(\d+|unlimited)/m) ?? [];
  const bytes = stack === "unlimited" ? Infinity : Number(stack ?? USUAL_STACK);
  return Math.floor(bytes / STACK_PER_BYTE);
}
