/** Virtual environments of Python, with pinned packages. */
import { dirname, join } from "node:path";
import { checkFolder } from "../../disk/mod.ts";
import { expectedFolder } from "../../home/mod.ts";
import { openLocked } from "../cache/partial.ts";
import { expectOnline } from "../retry.ts";

/** The first two numbers of a version of Python. */
type Version = readonly [major: number, minor: number];

interface Environment {
  readonly folder: string;
  /** Lines of a requirements file, with exact versions. */
  readonly requirements: readonly string[];
  /** The oldest Python that the packages install on; default: any. */
  readonly python?: Version;
  readonly signal?: AbortSignal;
  readonly onNotice?: (line: string) => void;
}

export function pythonOf(folder: string): string {
  return join(folder, Deno.build.os === "windows" ? "Scripts/python.exe" : "bin/python");
}

/**
 * Makes a virtual environment, unless it exists with these packages. A second process waits for the first one, since both would
 * clear the folder. Throws if Python lacks a part, or if pip fails.
 */
export async function makeEnvironment(environment: Environment): Promise<void> {
  if (await isReady(environment)) return;
  await checkFolder(dirname(environment.folder), expectedFolder);
  using _lock = await openLocked(`${environment.folder}.lock`, environment.signal);
  if (!await isReady(environment)) await make(environment);
}

const stampOf = (folder: string) => join(folder, "packages.txt");
const listOf = (requirements: readonly string[]) => requirements.join("\n") + "\n";

/** Whether the environment exists with these packages. */
async function isReady({ folder, requirements, signal }: Environment): Promise<boolean> {
  const found = await Deno.readTextFile(stampOf(folder)).catch(() => "");
  return found === listOf(requirements) && await succeeds(pythonOf(folder), ["--version"], signal);
}

async function make(environment: Environment): Promise<void> {
  const { folder, requirements, python, signal, onNotice } = environment;
  expectOnline(`the packages of ${folder}`);
  const missing = await missingPackages(signal);
  if (missing.length > 0) {
    const names = missing.join(", ");
    throw new Error(
      `Cannot create ${folder}: ${names} not found (Debian, Ubuntu: apt install ${missing.join(" ")})`,
    );
  }
  const version = await pythonVersion(signal);
  if (python && isOlder(version, python)) {
    throw new Error(
      `Cannot create ${folder}: found Python ${version}, expected ${python.join(".")} or newer`,
    );
  }
  onNotice?.(
    `Installing ${requirements.slice(0, SHOWN).join(", ")}${
      requirements.length > SHOWN ? ", …" : ""
    } into ${folder}`,
  );
  await run(PYTHON, ["-m", "venv", "--clear", folder], environment);
  const quiet = ["--quiet", "--disable-pip-version-check", "--no-input", "--no-cache-dir"];
  await run(pythonOf(folder), ["-m", "pip", "install", ...quiet, ...requirements], environment);
  await Deno.writeTextFile(stampOf(folder), listOf(requirements));
}

/** Packages that the notice of an installation names. */
const SHOWN = 2;

async function run(program: string, args: string[], { folder, signal }: Environment): Promise<void> {
  const errors = await errorsOf(program, args, {}, signal);
  if (!errors) return;
  throw new Error(`Cannot create ${folder}: ${args.slice(0, 3).join(" ")} failed: ${complaintIn(errors)}`);
}

/** Runs Python without input and returns the lines of its errors if it fails, else null. */
export async function errorsOf(
  program: string,
  args: string[],
  env: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string[] | null> {
  const { success, stderr } = await new Deno.Command(program, {
    args,
    env: { ...env, PIP_USER: "0", PIP_REQUIRE_VIRTUALENV: "0" }, // a user's configuration of pip may say otherwise
    ...signal && { signal },
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).output();
  signal?.throwIfAborted();
  if (success) return null;
  return new TextDecoder().decode(stderr).split("\n").map((line) => line.trim()).filter((line) =>
    line !== ""
  );
}

export function complaintIn(errors: readonly string[]): string | undefined {
  return errors.findLast((line) => line.startsWith("ERROR")) ?? errors.at(-1);
}

export const PYTHON = Deno.build.os === "windows" ? "python" : "python3";

/** The version of Python that is used here: "3.11.2". */
export async function pythonVersion(signal?: AbortSignal): Promise<string> {
  const { stdout } = await new Deno.Command(PYTHON, { args: ["--version"], ...signal && { signal } })
    .output();
  return new TextDecoder().decode(stdout).trim().replace(/^Python /, "");
}

/** Whether a version of Python is older than another. */
export function isOlder(version: string, [major, minor]: Version): boolean {
  const [ownMajor, ownMinor] = version.split(".").map(Number);
  return ownMajor < major || ownMajor === major && ownMinor < minor;
}

/** Names of the Debian packages that pip and a virtual environment need and this machine lacks. */
export async function missingPackages(signal?: AbortSignal): Promise<string[]> {
  const has = (modules: string) => succeeds(PYTHON, ["-c", `import ${modules}`], signal);
  if (!await has("sys")) return ["python3", "python3-venv", "python3-pip"];
  return [
    ...await has("venv, ensurepip") ? [] : ["python3-venv"],
    ...await has("pip") ? [] : ["python3-pip"],
  ];
}

function succeeds(program: string, args: string[], signal?: AbortSignal): Promise<boolean> {
  return errorsOf(program, args, {}, signal).then((errors) => errors === null, () => false);
}
