/**
 * A Ray cluster on this machine, to try the driver: two nodes of one CPU each. Everybody who can reach Ray's ports can
 * run code through them, and some listen on every address, so this cluster requires a token, which lies in data/ray.
 */
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { folderOf } from "../home/mod.ts";
import { makeEnvironment, pythonOf } from "../hub/mod.ts";

/** Ray's virtual environment, the token, the logs, the note of what runs. */
export const rayFolder: string = folderOf("ray");
/** The environment's own Python, after `installRay`. */
export const rayPython: string = pythonOf(rayFolder);
const TOKEN = join(rayFolder, "token");
const NOTE = join(rayFolder, "running.json");
/** Environment variables of a process that uses the cluster. */
export const tokenVariables = { RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: TOKEN } as const;

/** Milliseconds: for a node to start, for it to end, between two looks. */
const [START, END, POLL] = [60_000, 10_000, 200];
const STARTED = /Ray runtime started/;
const NODE = ["--num-cpus=1", "--object-store-memory=100000000", "--disable-usage-stats", "--block"];

/** Options of an installation. */
export interface TrialOptions {
  readonly signal?: AbortSignal;
  readonly onNotice?: (line: string) => void;
}

/** The running cluster, for `stopTrial`. */
interface Note {
  readonly processes: readonly number[];
  readonly temporary: string;
}

/** Installs Ray in pinned versions below data/ray unless it is there. Throws if Python or its index is missing. */
export async function installRay(options: TrialOptions = {}): Promise<void> {
  if (Deno.build.os === "windows") throw new Error("Cannot install Ray on Windows, expected Linux or macOS");
  const text = await Deno.readTextFile(new URL("./requirements.txt", import.meta.url));
  const requirements = text.split("\n").filter((line) => /^\w/.test(line));
  await makeEnvironment({ folder: rayFolder, requirements, ...options });
}

/** Starts the cluster, reports its address, and keeps it up until the signal or the end of a node. Needs `installRay`. */
export async function runTrial(
  { signal, onStarted }: { signal: AbortSignal; onStarted: (address: string) => void },
): Promise<void> {
  if (await readNote()) {
    throw new Error("Cannot start a cluster: one is already running; stop it with --stop");
  }
  await Deno.writeTextFile(TOKEN, crypto.randomUUID() + crypto.randomUUID(), { mode: 0o600 });
  const temporary = await Deno.makeTempDir({ dir: "/tmp", prefix: "lamina-ray-" }); // names of sockets must be short
  const nodes: Deno.ChildProcess[] = [];
  const start = async (n: number, ...args: string[]) => {
    const { node, log } = startNode(n, args);
    nodes.push(node);
    await Deno.writeTextFile(
      NOTE,
      JSON.stringify({ processes: [Deno.pid, ...nodes.map(({ pid }) => pid)], temporary }),
    );
    return await started(node, log, signal);
  };
  try {
    const output = await start(
      1,
      "--head",
      "--port=0",
      "--include-dashboard=false",
      `--temp-dir=${temporary}`,
    );
    const [, address] = output.match(/--address='([^']+)'/)!;
    await start(2, `--address=${address}`);
    onStarted(address);
    const stopped = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
    await Promise.race([stopped, ...nodes.map(({ status }) => status)]);
    signal.throwIfAborted();
    throw new Error(
      `Cannot use the cluster: a node has ended; see its log, ${rayFolder}/node-1.log or node-2.log`,
    );
  } finally {
    await endAll(nodes.map(({ pid }) => pid), temporary);
  }
}

/** Ends a cluster of another process, also one whose process was killed. Returns whether there was one. */
export async function stopTrial(): Promise<boolean> {
  const note = await readNote();
  if (!note) return false;
  await endAll(note.processes, note.temporary);
  return true;
}

function startNode(n: number, args: string[]): { node: Deno.ChildProcess; log: string } {
  const log = join(rayFolder, `node-${n}.log`);
  const own = Deno.build.os === "linux" ? [`--node-ip-address=127.0.0.${n + 1}`] : []; // all of 127/8 is loopback there
  const command = `exec "$0" "$@" >"$LOG" 2>&1`;
  const node = new Deno.Command("sh", {
    args: ["-c", command, join(rayFolder, "bin", "ray"), "start", ...args, ...own, ...NODE],
    env: { ...tokenVariables, LOG: log },
    stdin: "null",
  }).spawn();
  return { node, log };
}

/** Waits until a node is up; returns its output. */
async function started(node: Deno.ChildProcess, log: string, signal: AbortSignal): Promise<string> {
  const end = performance.now() + START;
  let ended = false;
  node.status.then(() => ended = true);
  while (!ended && performance.now() < end) {
    signal.throwIfAborted();
    const output = await Deno.readTextFile(log).catch(() => "");
    if (STARTED.test(output)) return output;
    await pause(POLL);
  }
  const output = (await Deno.readTextFile(log).catch(() => "")).trim().split("\n").at(-1);
  throw new Error(`Cannot start a node of Ray: ${output}; see ${log} for more`);
}

/** Ends processes, by force if they do not end by themselves, and removes their files. */
async function endAll(processes: readonly number[], temporary: string): Promise<void> {
  const others = processes.filter((pid) => pid !== Deno.pid);
  const left = async () => {
    const alive = await Promise.all(others.map(async (pid) => await isOurs(pid) ? [pid] : []));
    return alive.flat();
  };
  for (const pid of await left()) Deno.kill(pid, "SIGTERM");
  const end = performance.now() + END;
  while ((await left()).length > 0 && performance.now() < end) await pause(POLL);
  for (const pid of await left()) Deno.kill(pid, "SIGKILL");
  await Deno.remove(temporary, { recursive: true }).catch(() => {});
  await Deno.remove(NOTE).catch(() => {});
}

/** The note of a running cluster, or null. */
async function readNote(): Promise<Note | null> {
  const text = await Deno.readTextFile(NOTE).catch(() => null);
  if (text === null) return null;
  const note = JSON.parse(text) as Note;
  return (await Promise.all(note.processes.map(isOurs))).some(Boolean) ? note : null;
}

/** Whether a process number still belongs to the cluster: the system reuses numbers. */
async function isOurs(pid: number): Promise<boolean> {
  const { stdout } = await new Deno.Command("ps", { args: ["-o", "stat=,args=", "-p", `${pid}`] }).output();
  const output = new TextDecoder().decode(stdout).trim();
  return !output.startsWith("Z") && /ray start| cluster\b/.test(output);
}
