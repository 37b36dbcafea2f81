/** A Ray cluster of three machines, the driver on it, and faults: what a file in the cluster's folder is named decides what goes wrong. */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { makeEnvironment, pythonOf } from "core/hub/mod.ts";
import { type Machines, openMachines, WORKERS } from "./machines.ts";
import { processesOf, type Running, until } from "./processes.ts";
import { isThorough, printed, words } from "../../tools.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const DRIVER = `${root}src/apps/machines/ray_driver.py`;
/** Ray in its pinned versions, in a virtual environment of about 300 MB. Every cluster of a test requires a token. */
const environment = `${root}data/ray`;
const requirements = new URL("../../../src/apps/machines/requirements.txt", import.meta.url);
const rayPython = pythonOf(environment);
const ray = rayPython.replace(/python$/, "ray");
const NODE = ["--object-store-memory=100000000", "--disable-usage-stats", "--block"];
const PORT = 6399;

/** GPUs that a worker says it has; nothing computes on them. */
export const GPUS = 2;

/** Runs Lamina on a machine, with the faults that files ask for, and logs every shard that is begun, and the GPUs it sees. */
const wrapper = `#!/bin/sh
machine=$1 root=$ROOT; shift
if [ -e "$FOLDER/other-$machine" ]; then root=$FOLDER/other/; fi
if [ "$1" = shard ]; then
  echo "$4" >> "$FOLDER/log"
  echo "$CUDA_VISIBLE_DEVICES" >> "$FOLDER/devices"
  if [ -e "$FOLDER/never-$4" ]; then echo "lamina: this can never be" >&2; exit 2; fi
fi
exec "$DENO" run -A --quiet --config "\${root}deno.json" "\${root}src/cli.ts" "$@"
`;

/** Installs Ray unless it is there. */
async function installRay(): Promise<void> {
  const text = await Deno.readTextFile(requirements);
  const named = text.split("\n").filter((line) => /^\w/.test(line));
  await makeEnvironment({ folder: environment, requirements: named });
}

/** Why Ray cannot be tried here, or "". */
export async function whyNoRay(): Promise<string> {
  if (!isThorough) return "deno task test:all";
  if (Deno.build.os !== "linux") return "expected Linux";
  return await installRay().then(() => "", (error: Error) => error.message);
}

/** How a driver ended, and what it said. */
export type Driven = { readonly code: number; readonly err: string };

/** A driver that runs. */
export interface Drive {
  readonly ended: Promise<Driven>;
  /** What it has said so far. */
  said(): string;
  /** kill -9. */
  kill(): Promise<void>;
}

/** A running cluster. */
export class RayCluster {
  #drives = 0;
  readonly #nodes = new Map<number, Deno.ChildProcess>();

  private constructor(readonly folder: string, readonly machines: Machines, readonly mark: string) {}

  /** Installs Ray and starts it on every machine. */
  static async open(): Promise<RayCluster> {
    await installRay();
    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "lamina-" }); // names of sockets must be short
    const cluster = new RayCluster(folder, await openMachines(), crypto.randomUUID());
    const files = { lamina: wrapper, log: "", devices: "", token: crypto.randomUUID() + crypto.randomUUID() };
    for (const [name, text] of Object.entries(files)) await Deno.writeTextFile(`${folder}/${name}`, text);
    for (const machine of [1, ...WORKERS]) {
      await Deno.mkdir(cluster.temporary(machine));
      await cluster.start(machine); // one after the other: Ray numbers its sockets by what is there
    }
    return cluster;
  }

  /** The temporary folder of a machine. */
  temporary(machine: number): string {
    return `${this.folder}/tmp-${machine}`;
  }

  /** Starts a machine's part of the cluster, the first time or after it was killed. */
  async start(machine: number): Promise<void> {
    const leader = this.machines.address(1);
    const part = machine === 1
      ? words`--head --port=${PORT} --num-cpus=0 --include-dashboard=false --temp-dir=${this.folder}/ray`
      : [`--address=${leader}:${PORT}`, "--num-cpus=1", `--num-gpus=${GPUS}`];
    const args = [ray, "start", ...part, `--node-ip-address=${this.machines.address(machine)}`, ...NODE];
    const node = this.#spawn(machine, args, { LAMINA: `sh ${this.folder}/lamina ${machine}` });
    this.#nodes.set(machine, node);
    const said = piped(node.stdout);
    piped(node.stderr);
    await until(`machine ${machine}`, () => said.text.includes("Ray runtime started"), 60);
  }

  /** Ends a machine's part of the cluster by SIGTERM. */
  async stop(machine: number): Promise<void> {
    for (const { pid } of this.processes(machine, STARTER)) end(pid, "SIGTERM");
    await until(`machine ${machine} to end`, () => this.processes(machine, STARTER).length === 0);
  }

  /** Starts a driver on machine 1. */
  drive(plan: string, results: string, ...args: string[]): Drive {
    const id = `${this.mark}-${this.#drives++}`;
    const where = ["--results", results, "--address", `${this.machines.address(1)}:${PORT}`, "--cpus", "1"];
    const child = this.#spawn(1, [rayPython, DRIVER, plan, ...where, ...args], { LAMINA_TEST_DRIVER: id });
    piped(child.stdout);
    const err = piped(child.stderr);
    return {
      ended: child.status.then(async ({ code }) => ({ code, err: await err.all })),
      said: () => err.text,
      async kill() {
        for (const { pid } of processesOf("LAMINA_TEST_DRIVER", id)) end(pid);
        await child.status;
      },
    };
  }

  /** Processes of a machine whose command line fits. */
  processes(machine: number, command: RegExp): Running[] {
    const all = processesOf("LAMINA_TEST_MACHINE", `${this.mark}-${machine}`);
    return all.filter((one) => command.test(one.command));
  }

  /** A worker on which a process runs. */
  machineOf(command: RegExp, workers: readonly number[] = WORKERS): number | undefined {
    return workers.find((worker) => this.processes(worker, command).length > 0);
  }

  /** Waits for a process on one of these workers, and kills it with -9. */
  async killOne(what: string, command: RegExp, workers: readonly number[] = WORKERS): Promise<void> {
    const worker = await until(what, () => this.machineOf(command, workers));
    for (const { pid } of this.processes(worker, command).slice(0, 1)) end(pid);
  }

  /** Runs a command on a machine to its end. */
  async run(machine: number, ...command: string[]): Promise<void> {
    const [program, ...args] = this.machines.on(machine, ...command);
    await printed(program, args);
  }

  /** Shards that were begun, in order, since the last call. */
  async begun(): Promise<number[]> {
    return (await this.#taken("log")).map(Number);
  }

  /** The GPUs that shards which were begun since the last call saw, as CUDA names them. */
  devices(): Promise<string[]> {
    return this.#taken("devices");
  }

  /** The lines of a log, which is empty afterwards. */
  async #taken(name: string): Promise<string[]> {
    const text = await Deno.readTextFile(`${this.folder}/${name}`);
    await Deno.writeTextFile(`${this.folder}/${name}`, "");
    return text.split("\n").slice(0, -1);
  }

  /** Shards that run on a worker. */
  shards(): Running[] {
    return WORKERS.flatMap((worker) => this.processes(worker, SHARD));
  }

  /** Ends Ray by SIGTERM; gives what is left after a while. */
  async close(): Promise<Running[]> {
    const left = () => [1, ...WORKERS].flatMap((machine) => this.processes(machine, /./));
    for (const machine of [...WORKERS, 1]) await this.stop(machine).catch(() => {});
    await until("all processes to end", () => left().length === 0, 60).catch(() => {});
    const remaining = left();
    for (const { pid } of remaining) end(pid);
    await this.machines.close();
    await Promise.all([...this.#nodes.values()].map(({ status }) => status));
    await Deno.remove(this.folder, { recursive: true });
    return remaining;
  }

  #spawn(machine: number, command: string[], env: Record<string, string>): Deno.ChildProcess {
    const [program, ...args] = this.machines.on(machine, ...command);
    const own = {
      ...{ ...env, RAY_AUTH_MODE: "token", RAY_AUTH_TOKEN_PATH: `${this.folder}/token` },
      ...{ LAMINA_TEST_MACHINE: `${this.mark}-${machine}`, TMPDIR: this.temporary(machine) },
      ...{ PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`, DENO: Deno.execPath() },
      ...{ FOLDER: this.folder, ROOT: root },
    };
    const streams = { stdin: "null", stdout: "piped", stderr: "piped" } as const;
    return new Deno.Command(program, { args, env: own, cwd: root, ...streams }).spawn();
  }
}

/** `ray start`, which holds a machine's part of Ray. Its path may have spaces. */
export const STARTER = /python[\d.]* .*\/ray start /;
/** A shard's process, which is deno itself. */
export const SHARD = /deno run .* shard - --index/;

function end(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(pid, signal);
  } catch { // it has ended
  }
}

/** Reads a stream to its end: all of it, and what has come so far. */
function piped(stream: ReadableStream<Uint8Array>): { all: Promise<string>; text: string } {
  const heard = { all: Promise.resolve(""), text: "" };
  heard.all = (async () => {
    const decoder = new TextDecoder();
    for await (const part of stream) heard.text += decoder.decode(part, { stream: true });
    return heard.text;
  })();
  return heard;
}
