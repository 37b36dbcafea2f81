/**
 * Commands as a person runs them, with their results in a temporary folder. Most run in this process, which saves a second
 * for each; tests of signals, pipes and environments use processes.
 */
import assert from "node:assert/strict";
import { basename } from "node:path";
import process from "node:process";
import type { Context } from "core/command/context.ts";
import { runLine } from "../../../src/apps/cli/program.ts";
import { printable } from "core/show/tables/text.ts";
import { progressLine } from "core/show/progress.ts";
import { type Opened, withTiny } from "../study/tiny.ts";
import { withFolder } from "../../support.ts";
import { type Ran, ran } from "../../tools.ts";

/** The project. */
export const root = new URL("../../../", import.meta.url);
const results = Deno.makeTempDirSync();
addEventListener("unload", () => Deno.removeSync(results, { recursive: true }));

/** Runs `lamina COMMAND …` in this process; kept results go to a folder of this file's tests. */
export function lamina(...args: string[]): Promise<Ran> {
  return laminaHere(results, ...args);
}

export interface Runs {
  readonly run: typeof lamina;
  /** For those that have to succeed. */
  readonly ok: typeof lamina;
  /** For those that have to end with a code and a message. */
  fails(code: number, message: RegExp, ...args: string[]): Promise<void>;
}

export function runs(run: typeof lamina): Runs {
  return {
    run,
    async ok(...args) {
      const ran = await run(...args);
      assert.equal(ran.code, 0, `${args.join(" ")}: ${ran.err}`);
      return ran;
    },
    async fails(expected, message, ...args) {
      const { code, err } = await run(...args);
      assert.equal(code, expected, `${args.join(" ")}: ${err}`);
      assert.match(err, message);
    },
  };
}

export const { ok, fails } = runs(lamina);

/** How tables look here. */
export const LOOK = { color: false, utf8: true, columns: 80 };

/** The words of a line, in which `""` is an empty one and a name in capitals stands for what the desk has: words between tabs. */
export const wordsOf = (line: string, desk: Readonly<Record<string, string>>): string[] =>
  line.split(" ").flatMap((word) => (word in desk ? desk[word] : word === '""' ? "" : word).split("\t"));

/** The same, with another folder for kept results. Several may run at once. */
export async function laminaHere(folder: string, ...args: string[]): Promise<Ran> {
  let [out, err] = ["", ""];
  const progress = progressLine({
    write: (text) => err += text,
    terminal: false,
    columns: () => 80,
    utf8: true,
    now: () => performance.now(),
  });
  const context: Context = {
    signal: new AbortController().signal,
    started: performance.now(),
    ending: () => null,
    progress,
    look: LOOK,
    notice: (line) => progress.onNotice(line),
    print: (text) => out += `${printable(text, LOOK)}\n`,
    write: (text) => out += `${text}\n`,
    say: (text) => out += printable(text, { utf8: true }),
    sharing: null,
  };
  const before = process.env.LAMINA_RESULTS;
  process.env.LAMINA_RESULTS = folder;
  const running = runLine(context, args); // reads the environment before it first waits
  if (before === undefined) delete process.env.LAMINA_RESULTS;
  else process.env.LAMINA_RESULTS = before;
  const code = await running;
  return { code, out, err };
}

/** Sets variables of this process's environment while `use` runs. */
export async function withVariables<T>(
  variables: Readonly<Record<string, string>>,
  use: () => Promise<T>,
): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, Deno.env.get(name)] as const);
  for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
  try {
    return await use();
  } finally {
    for (const [name, value] of before) {
      value === undefined ? Deno.env.delete(name) : Deno.env.set(name, value);
    }
  }
}

/** Runs `lamina COMMAND …` as a process of its own in another environment, on the CPU unless the arguments name an engine. */
export function laminaIn(env: Record<string, string>, ...args: string[]): Promise<Ran> {
  const own = { CUDA_VISIBLE_DEVICES: "", NO_COLOR: "1", LANG: "C.UTF-8", LAMINA_RESULTS: results, ...env };
  return ran(Deno.execPath(), [...CLI, ...args], { cwd: root, env: own });
}

/** Arguments of Deno that run `lamina`, in the folder of the project. */
export const CLI = ["run", "-A", "--quiet", "src/cli.ts"];

/** Runs commands that keep their results in a folder. */
export const runsIn = (results: string): Runs => runs((...args) => laminaHere(results, ...args));

/** A tiny model's folder; results are kept in `options.results`. */
export interface Desk extends Opened, Runs {
  /** `--text …`, four blocks of 16 tokens. */
  readonly text: readonly string[];
}

/** A tiny model on which commands are run while `use` runs. */
export function withDesk(use: (desk: Desk) => Promise<void>, name?: string): Promise<void> {
  return withTiny((opened) =>
    use({
      ...opened,
      ...runsIn(opened.options.results),
      text: ["--text", opened.options.text!, "--samples", "4", "--length", "16"],
    }), name);
}

/** A checkpoint of the committed series with its tokenizer, as a model called tiny. */
export interface Trained extends Runs {
  readonly folder: string;
  /** The folder around it, for everything else; results are kept in `results`. */
  readonly outer: string;
  readonly results: string;
}

/** Copies the checkpoint into a folder of its own while `use` runs, offline. */
export function withTrained(use: (trained: Trained) => Promise<void>): Promise<void> {
  return withFolder(async (outer) => {
    const [folder, results] = [`${outer}/tiny`, `${outer}/results`];
    await Deno.mkdir(folder);
    const model = ["step04096/config.json", "step04096/model.safetensors"];
    for (const file of [...model, "tokenizer.json", "tokenizer_config.json"]) {
      await Deno.copyFile(new URL(`data/series/pre-ln/${file}`, root), `${folder}/${basename(file)}`);
    }
    const offline = { HF_HUB_OFFLINE: "1" };
    await withVariables(offline, () => use({ folder, outer, results, ...runsIn(results) }));
  });
}

/** A command line that fails: with 2 where it is used wrongly, with 1 where it is not; what it says on stderr. */
export type Failure = [code: number, args: string[], message: RegExp];

/** Runs command lines at the same time, and expects of each that it fails as said and prints nothing on stdout. */
export async function expectFailures(run: Desk["run"], failures: readonly Failure[]): Promise<void> {
  await Promise.all(failures.map(async ([code, args, message]) => {
    const ran = await run(...args);
    assert.equal(ran.code, code, `${args.join(" ")}: ${ran.err}`);
    assert.match(ran.err, message);
    assert.equal(ran.out, "", args.join(" "));
  }));
}
