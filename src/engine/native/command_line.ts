/**
 * A command line that ONNX Runtime can be loaded beside.
 *
 * While it is loaded, the library matches a regular expression with /proc/self/cmdline, by a function that calls itself for each byte:
 * 290 bytes of stack each, measured with stacks of 4, 8 and 16 MiB (it ends at 14,4, 28,9 and 57,9 kB). Too long a line
 * overflows the stack and ends the process, which nothing can catch; so it is measured before.
 */
import { readFileSync } from "node:fs";

/** Bytes of stack for each byte of the line; the rest of what it takes is left to JavaScript and to the environment. */
const STACK_PER_BYTE = 512;
/** Linux's usual stack, where the system does not say. */
const USUAL_STACK = 8 * 2 ** 20;

/** Throws `RangeError` where the command line of this process is too long. Other systems than Linux have no such file. */
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

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf-8");
  } catch {
    return null;
  }
}
