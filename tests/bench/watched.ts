/** A script in a process of its own, and what its memory is at the most (Linux). */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";

/** Megabytes at the most: all that was resident, pages of mapped files too (VmHWM), and the anonymous part of it (RssAnon). */
export interface Peak {
  readonly resident: number;
  readonly anonymous: number;
}

const MEGA = 2 ** 20;

/** Runs a script to its end, looking at its memory every 20 ms; gives what it has printed, too. */
export async function watchedScript(
  script: string,
  options: readonly string[],
): Promise<Peak & { readonly text: string }> {
  const child = spawn(Deno.execPath(), ["run", "-A", "-q", script, ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let resident = 0, anonymous = 0, text = "";
  const watch = setInterval(() => {
    const status = statusOf(child.pid!);
    resident = Math.max(resident, field(status, "VmHWM"));
    anonymous = Math.max(anonymous, field(status, "RssAnon"));
  }, 20);
  child.stdout.on("data", (data) => text += data);
  const [code] = await once(child, "close");
  clearInterval(watch);
  if (code !== 0) throw new Error(`Cannot measure ${script}: found exit code ${code}, expected 0`);
  return { resident, anonymous, text };
}

function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf-8");
  } catch {
    return ""; // it has ended
  }
}

/** Megabytes of one line. */
function field(status: string, name: string): number {
  return Number(status.match(new RegExp(`${name}:\\s+(\\d+) kB`))?.[1] ?? 0) * 1024 / MEGA;
}
