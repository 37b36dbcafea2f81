/** What benches share: arguments, times, medians, memory (Linux), and Python beside them. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

type Default = number | string | boolean | readonly string[];
type Value<D> = D extends number ? number
  : D extends boolean ? boolean
  : D extends readonly string[] ? string[]
  : string;

/** The names on the command line, and the value of each option by its default, whose type it has. */
export function readArguments<D extends Readonly<Record<string, Default>>>(
  defaults: D,
  args: string[] = Deno.args,
): { names: string[] } & { [K in keyof D]: Value<D[K]> } {
  const options = Object.fromEntries(
    Object.entries(defaults).map(([name, value]) => [
      name,
      typeof value === "boolean"
        ? { type: "boolean" as const }
        : { type: "string" as const, multiple: Array.isArray(value) },
    ]),
  );
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true, allowNegative: true });
  const read = Object.entries(values).map(([name, value]) =>
    [name, typeof defaults[name] === "number" ? Number(value) : value] as const
  );
  return { ...defaults, ...Object.fromEntries(read), names: positionals } as never;
}

/** The number in the middle; of an even count, the upper one. */
export function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[numbers.length >> 1];
}

/** Seconds on the clock, and of all processors, which other work on the machine changes less. */
export type Seconds = { readonly clock: number; readonly processor: number };

/** Runs something; gives what it made and how long it took. */
export async function timed<Made>(make: () => Promise<Made>): Promise<Seconds & { readonly made: Made }> {
  const [start, before] = [performance.now(), process.cpuUsage()];
  const made = await make();
  const { user, system } = process.cpuUsage(before);
  return { made, clock: (performance.now() - start) / 1000, processor: (user + system) / 1e6 };
}

export function inWords({ clock, processor }: Seconds): string {
  return `${clock.toFixed(1)} s (${processor.toFixed(1)} s of processor time)`;
}

/** Bytes of a line of a process's status: all that is resident at the most, pages of mapped files too, or the anonymous part now. */
export function memoryOf(field: "VmHWM" | "RssAnon", pid: number | "self" = "self"): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf-8");
    return 1024 * Number(status.match(new RegExp(`${field}:\\s+(\\d+) kB`))?.[1] ?? NaN);
  } catch {
    return NaN; // it has ended, or this is another system
  }
}

/** Megabytes of anonymous memory at the most, looked at where `use` says so. */
export async function peakOf(use: (look: () => void) => Promise<unknown>): Promise<number> {
  let most = 0;
  await use(() => most = Math.max(most, memoryOf("RssAnon")));
  return most / 2 ** 20;
}

/** What this script prints if it is run again, in a process that has done nothing else, with one more option. */
export function printedAgain(script: string, option: string): string {
  const again = ["run", "-A", fileURLToPath(script), ...Deno.args, option];
  return execFileSync(Deno.execPath(), again, { encoding: "utf-8" });
}

/** The JSON in the last line of what a Python script of this folder prints, offline. */
// deno-lint-ignore no-explicit-any
export function fromPython(python: string, name: string, ...args: string[]): any {
  const script = fileURLToPath(new URL(name, import.meta.url));
  const env = { ...Deno.env.toObject(), HF_HUB_OFFLINE: "1" };
  const out = execFileSync(python, [script, ...args], {
    encoding: "utf-8",
    env,
    stdio: "pipe",
    maxBuffer: 2 ** 30,
  });
  return JSON.parse(out.trim().split("\n").at(-1) || "null");
}

/** Megabytes at the most: all that was resident, and the anonymous part of it. */
export type Peak = { readonly resident: number; readonly anonymous: number };

/** Runs a script in a process of its own, looking at its memory every 20 ms; gives what it has printed, too. */
export async function watchedScript(
  script: string,
  options: readonly string[],
): Promise<Peak & { readonly text: string }> {
  const child = spawn(Deno.execPath(), ["run", "-A", "-q", script, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let resident = 0, anonymous = 0, text = "";
  const watch = setInterval(() => {
    resident = Math.max(resident, memoryOf("VmHWM", child.pid) || 0);
    anonymous = Math.max(anonymous, memoryOf("RssAnon", child.pid) || 0);
  }, 20);
  child.stdout.on("data", (data) => text += data);
  const [code] = await once(child, "close");
  clearInterval(watch);
  if (code !== 0) throw new Error(`Cannot measure ${script}: found exit code ${code}, expected 0`);
  return { resident: resident / 2 ** 20, anonymous: anonymous / 2 ** 20, text };
}
