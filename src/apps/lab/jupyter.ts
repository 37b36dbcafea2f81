/**
 * The notebooks' own Jupyter: `lamina lab` opens them in JupyterLab, `lamina lab --execute` runs them headlessly.
 *
 * All of it lives in one folder (`data/venv` in a checkout): a Python virtual environment with pinned packages, the kernel's description, and
 * Jupyter's settings, history and signatures. Nothing of the user's is read or written, and the folder can be removed.
 * Only `register` writes elsewhere, and only a kernel's description.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { writeWhole } from "core/disk/mod.ts";
import type { Progress, Reports } from "core/entry/mod.ts";
import { folderOf, JUPYTER_PYTHON, root, runArguments } from "core/home/mod.ts";
import { makeEnvironment, pythonOf } from "core/hub/mod.ts";
import { kindNames, manifests, VERSION } from "core/result/mod.ts";
import { notebooks, resultsVariable, workspace } from "./workspace.ts";

const PACKAGES = ["jupyterlab==4.6.6", "nbclient==0.11.0"];
const SECOND = 1000; // ms between two reports of the cell that runs
const WINDOWS = Deno.build.os === "windows";

const venv = folderOf("venv");
/** The environment's own Python, after `install`. */
export const python: string = pythonOf(venv);

/** Keeps Jupyter inside the virtual environment, and results where they belong. */
export const environment: Readonly<Record<string, string>> = {
  ...resultsVariable,
  JUPYTER_PREFER_ENV_PATH: "1", // its kernels before those of the same name elsewhere
  JUPYTER_CONFIG_DIR: join(venv, "user", "config"),
  JUPYTER_DATA_DIR: join(venv, "user", "data"),
  JUPYTER_RUNTIME_DIR: join(venv, "user", "runtime"),
  IPYTHONDIR: join(venv, "user", "ipython"),
  PIP_USER: "0", // a user's configuration may say otherwise, which a virtual environment does not go with
};

/** Makes the virtual environment, unless it exists with these packages, and its kernel. Throws if Python lacks a part. */
export async function install(onNotice: (line: string) => void = () => {}): Promise<void> {
  await workspace();
  await makeEnvironment({ folder: venv, requirements: PACKAGES, python: JUPYTER_PYTHON, onNotice });
  await Deno.mkdir(join(venv, "user"), { recursive: true });
  await describeKernel(join(venv, "share", "jupyter", "kernels", "lamina"));
  await writeSettings();
}

interface Execution extends Pick<Reports, "onProgress" | "signal"> {
  /** Where the executed notebooks go; without it they replace the others. */
  readonly folder?: string | undefined;
  /** Variables that cells read, besides those of this process. */
  readonly env?: Record<string, string>;
}

/** Runs notebooks from beginning to end and saves them. If a cell fails, saves what ran, and throws. */
export async function execute(paths: readonly string[], { folder, ...how }: Execution = {}): Promise<void> {
  for (const path of paths) {
    const target = folder === undefined ? path : join(folder, basename(path));
    const { notebook, failure } = await run(path, how);
    const methods = Object.fromEntries(kindNames().map((kind) => [kind, manifests[kind].method]));
    if (failure === null) notebook.metadata.lamina = { version: VERSION, methods }; // of its numbers
    if (notebook) await writeWhole(target, JSON.stringify(notebook, null, 1) + "\n");
    const saved = notebook ? `; ${target} has the outputs until then` : "";
    if (failure !== null) throw new Error(`Cannot execute ${path}: ${failure}${saved}`);
  }
}

/** What execute.py prints at last: the notebook as far as it ran, null if it cannot be read; and why it did not run to its end. */
interface Executed {
  // deno-lint-ignore no-explicit-any
  readonly notebook: any;
  readonly failure: string | null;
}

/** What it prints before: the cell that runs now, counted from 1. */
type Running = Readonly<Record<"cell" | "cells", number>>;

async function run(path: string, how: Omit<Execution, "folder">): Promise<Executed> {
  const { env = {}, signal, onProgress } = how;
  const child = new Deno.Command(python, {
    args: [join(root, "src", "apps", "lab", "execute.py"), path, String(Deno.pid)],
    detached: !WINDOWS, // a signal to the whole group ends it by way of this process, in one line
    env: { ...callersPaths(), ...environment, ...env },
    stdout: "piped",
    ...signal ? { signal } : {},
  }).spawn();
  let [begin, began] = [0, 0]; // of the first cell, and of the one that runs
  let said: Running | Executed | null = null;
  const timer = setInterval(() => {
    if (!said || !("cell" in said)) return;
    onProgress?.(progressOf(path, said, (began - begin) / 1000, (performance.now() - began) / 1000));
  }, SECOND);
  try {
    for await (const line of linesOf(child.stdout)) {
      began = performance.now();
      begin ||= began;
      said = JSON.parse(line);
    }
    const { code } = await child.status;
    signal?.throwIfAborted();
    if (code !== 0) throw new Error(`Cannot execute ${path}: Python ended with code ${code}, expected 0`);
    return said as unknown as Executed;
  } finally {
    clearInterval(timer);
  }
}

/** The cell that runs, after seconds of the others and of its own, and from the second on the time left if cells take as long on average. */
function progressOf(path: string, { cell, cells }: Running, before: number, own: number): Progress {
  const mean = Math.max(before / (cell - 1), (before + own) / cell);
  const left = cell > 1 ? { secondsLeft: mean * (cells - cell) + Math.max(0, mean - own) } : {};
  const label = `${basename(path)}, cell ${cell} of ${cells}`;
  return { label, done: cell - 1, total: cells, unit: "cells", ...left };
}

/** Whole lines of a text, as they come. */
async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

/** Variables that name models and folders: a kernel runs in its notebook's folder, where relative paths would mean others. */
function callersPaths(): Record<string, string> {
  const names = ["LAMINA_MODEL", "LAMINA_OTHER", "LAMINA_SERIES", "LAMINA_CACHE", "LAMINA_RESULTS"];
  const whole = (ref: string) => existsSync(ref) || ref.startsWith(".") ? resolve(ref) : ref;
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value.split(",").map(whole).join(",")]];
  }));
}

/** Registers the kernel with this user's Jupyters and VS Code, for notebooks anywhere; returns the folder of its description. */
export async function register(): Promise<string> {
  const folder = join(jupyterData(), "kernels", "lamina");
  await describeKernel(folder);
  return folder;
}

/** Jupyter's data folder of a user (docs.jupyter.org, "Common Directories and File Locations"). */
function jupyterData(): string {
  const own = Deno.env.get("JUPYTER_DATA_DIR");
  if (own) return own;
  if (WINDOWS) return join(Deno.env.get("APPDATA") ?? homedir(), "jupyter");
  if (Deno.build.os === "darwin") return join(homedir(), "Library", "Jupyter");
  return join(Deno.env.get("XDG_DATA_HOME") || join(homedir(), ".local", "share"), "jupyter");
}

async function describeKernel(folder: string): Promise<void> {
  const kernel = {
    argv: [
      Deno.execPath(),
      ...runArguments(join(root, "src", "apps", "lab", "kernel.ts")),
      "{connection_file}",
    ],
    display_name: "Lamina (Deno)",
    language: "typescript",
    env: { NO_COLOR: "1" }, // no escapes in stored outputs
  };
  await Deno.mkdir(folder, { recursive: true });
  await writeWhole(join(folder, "kernel.json"), JSON.stringify(kernel, null, 2) + "\n");
}

/** JupyterLab hides the pictures of notebooks that it does not trust; these are the project's own. */
async function trustNotebooks(): Promise<void> {
  const names = [...Deno.readDirSync(notebooks)].map(({ name }) => name);
  const files = names.filter((name) => name.endsWith(".ipynb")).map((name) => join(notebooks, name));
  await start(python, ["-m", "jupyter", "trust", ...files], environment, "null"); // it prints a line for each
}

/** JupyterLab neither asks for news nor looks for newer versions. */
async function writeSettings(): Promise<void> {
  const folder = join(venv, "share", "jupyter", "lab", "settings");
  const settings = {
    "@jupyterlab/apputils-extension:notification": { fetchNews: "false", checkForUpdates: false },
  };
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, "overrides.json"), JSON.stringify(settings, null, 2) + "\n");
}

/** Opens JupyterLab on the workspace, at the index of its notebooks, until it is shut down. Its address is the last that it prints. */
export async function openLab({ browser }: { browser: boolean }): Promise<void> {
  await trustNotebooks();
  await start(python, [
    "-m",
    "jupyterlab",
    ...browser ? [] : ["--no-browser"],
    ...Deno.uid() === 0 ? ["--allow-root"] : [], // a container's user
    ...["ServerApp", "LabApp"].map((app) => `--${app}.log_level=ERROR`),
    `--LabApp.default_url=/lab/tree/${basename(notebooks)}/00_index.ipynb`,
    await workspace(),
  ], environment);
}

async function start(
  program: string,
  args: string[],
  env: Record<string, string>,
  stdout: "inherit" | "null" = "inherit",
): Promise<void> {
  const child = new Deno.Command(program, { args, env, stdout }).spawn();
  const end = () => child.kill();
  if (!WINDOWS) Deno.addSignalListener("SIGTERM", end);
  const { success, code } = await child.status;
  if (!WINDOWS) Deno.removeSignalListener("SIGTERM", end);
  if (!success) {
    throw new Error(
      `Cannot run ${program} ${args.slice(0, 2).join(" ")}: it ended with code ${code}, expected 0`,
    );
  }
}
