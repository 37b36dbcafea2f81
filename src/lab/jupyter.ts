/**
 * The notebooks' own Jupyter: `lamina lab` opens them in JupyterLab, `lamina lab --execute` runs them headlessly.
 *
 * All of it lives in one folder (`data/venv` in a checkout): a Python virtual environment with pinned packages, the kernel's description, and
 * Jupyter's settings, history and signatures. Nothing of the user's is read or written, and the folder can be removed.
 * Only `register` writes elsewhere, and only a kernel's description.
 */
import { homedir } from "node:os";
import { basename, join } from "node:path";
import { writeWhole } from "../disk/mod.ts";
import { folderOf, root, runArguments } from "../home/mod.ts";
import { makeEnvironment, pythonOf } from "../hub/mod.ts";
import { METHODS, VERSION } from "../result/mod.ts";
import { notebooks, resultsVariable, workspace } from "./workspace.ts";

const PACKAGES = ["jupyterlab==4.6.6", "nbconvert==7.17.2"];
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
  await makeEnvironment({ folder: venv, requirements: PACKAGES, onNotice });
  await Deno.mkdir(join(venv, "user"), { recursive: true });
  await describeKernel(join(venv, "share", "jupyter", "kernels", "lamina"));
  await writeSettings();
}

/**
 * Runs notebooks from beginning to end and stores the outputs: in place, or in another folder. `env` reaches the cells.
 * Throws if a cell fails.
 */
export async function execute(
  paths: readonly string[],
  { folder, env = {} }: { folder?: string | undefined; env?: Record<string, string> } = {},
): Promise<void> {
  const options = [
    "--to=notebook",
    "--execute",
    "--log-level=WARN",
    "--ExecutePreprocessor.kernel_name=lamina",
    "--ExecutePreprocessor.record_timing=False", // equal runs give equal files
  ];
  const target = folder === undefined ? "--inplace" : `--output-dir=${folder}`;
  await start(python, ["-m", "nbconvert", ...options, target, ...paths], { ...environment, ...env });
  for (const path of paths) await stamp(folder === undefined ? path : join(folder, basename(path)));
}

/** Records the version and the methods of a notebook's numbers in it. */
async function stamp(path: string): Promise<void> {
  const notebook = JSON.parse(await Deno.readTextFile(path));
  notebook.metadata.lamina = { version: VERSION, methods: METHODS };
  await writeWhole(path, JSON.stringify(notebook, null, 1) + "\n");
}

/**
 * Registers the kernel with every Jupyter of this user, and with VS Code; returns the folder of its description. Notebooks may then
 * be anywhere.
 */
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
    argv: [Deno.execPath(), ...runArguments(join(root, "src", "lab", "kernel.ts")), "{connection_file}"],
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
  await start(python, ["-m", "jupyter", "trust", ...files], environment);
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

/** Opens JupyterLab on the workspace, at its notebooks, until it is shut down. */
export async function openLab({ browser }: { browser: boolean }): Promise<void> {
  await trustNotebooks();
  await start(python, [
    "-m",
    "jupyterlab",
    ...browser ? [] : ["--no-browser"],
    ...Deno.uid() === 0 ? ["--allow-root"] : [], // a container's user
    `--LabApp.default_url=/lab/tree/${basename(notebooks)}`,
    await workspace(),
  ], environment);
}

/** Runs a program to its end, and ends it if this process is ended. */
async function start(program: string, args: string[], env: Record<string, string>): Promise<void> {
  const child = new Deno.Command(program, { args, env }).spawn();
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
