/**
 * This copy of Lamina on this machine, and where it keeps things: in `data/` of a checkout, which belongs to its user, or in the
 * user's folders where a package manager owns Lamina's folder, so that an upgrade loses nothing and an uninstall is complete.
 */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of Lamina: `src`, `kernels`, `data`, `deno.json`. */
export const root: string = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))));

/** Whether a package manager installed this copy: `deno task pack` puts this file into the packages. */
export const installed: boolean = existsSync(join(root, "INSTALLED.txt"));

/** The Deno that all tests run on, and that commands name; a later minor version may do. */
export const DENO = "2.9.6";
/** The oldest Python that the pinned JupyterLab installs on. */
export const JUPYTER_PYTHON = [3, 10] as const;

/** What an error expects of a folder of this copy that cannot be written. */
export const expectedFolder: string = installed
  ? "expected a folder that can be written; on Linux, XDG_DATA_HOME names another"
  : "expected a folder that can be written; use a copy of Lamina in one";

const machine: Machine = {
  root,
  installed,
  os: Deno.build.os,
  home: homedir(),
  variable: (name) => Deno.env.get(name),
};

/** The folder that keeps things of one kind: the one that a variable names, or the usual one. */
export const folderOf = (kept: Kept): string => keptIn(kept, machine);

/** The folder where no variable names one. */
export const usualFolderOf = (kept: Kept): string => usuallyIn(kept, machine);

/** A folder for people to read: from Lamina's folder in a checkout, else from the home folder. */
export function displayed(folder: string): string {
  const below = (parent: string) => (folder + sep).startsWith(parent + sep);
  if (!installed && below(root)) return relative(root, folder);
  return below(homedir()) ? join("~", relative(homedir(), folder)) : folder;
}

/**
 * Arguments with which `deno` runs a file of this copy. The configuration is named because Deno does not look for one below
 * node_modules; the lock of a package never changes.
 */
export function runArguments(file: string): string[] {
  return [
    "run",
    "-A",
    "--quiet",
    `--config=${join(root, "deno.json")}`,
    ...installed ? ["--frozen"] : [],
    file,
  ];
}

/** Downloads; results and pages; CUDA's libraries; OpenVINO's; ggml's; Jupyter's virtual environment; the reader's notebooks. */
export type Kept = "cache" | "results" | "cuda" | "openvino" | "ggml" | "venv" | "notebooks";

/** The facts that decide where things are kept. */
export interface Machine {
  /** Lamina's own folder. */
  readonly root: string;
  /** Whether that folder belongs to a package manager. */
  readonly installed: boolean;
  readonly os: typeof Deno.build.os;
  readonly home: string;
  readonly variable: (name: string) => string | undefined;
}

/** Environment variables that name a folder; they always take precedence. */
const VARIABLES: Partial<Record<Kept, string>> = { cache: "LAMINA_CACHE", results: "LAMINA_RESULTS" };

export function keptIn(kept: Kept, machine: Machine): string {
  const variable = VARIABLES[kept];
  const named = variable && machine.variable(variable);
  return named ? resolve(named) : usuallyIn(kept, machine);
}

export function usuallyIn(kept: Kept, machine: Machine): string {
  if (machine.installed) return userFolder(kept, machine);
  return kept === "notebooks" ? join(machine.root, kept) : join(machine.root, "data", kept);
}

/** The same below the user's folders, by the custom of each system. */
function userFolder(kept: Kept, { os, home, variable }: Machine): string {
  const named = (name: string, ...usual: string[]) => {
    const folder = variable(name);
    return folder && isAbsolute(folder) ? folder : join(home, ...usual); // XDG: relative paths are invalid, ignore them
  };
  const cached = kept === "cache";
  if (os === "windows") return join(named("LOCALAPPDATA", "AppData", "Local"), "lamina", kept);
  if (os === "darwin") {
    const library = join(home, "Library");
    return cached ? join(library, "Caches", "lamina") : join(library, "Application Support", "lamina", kept);
  }
  return cached
    ? join(named("XDG_CACHE_HOME", ".cache"), "lamina")
    : join(named("XDG_DATA_HOME", ".local", "share"), "lamina", kept);
}
