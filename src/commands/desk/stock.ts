/** What is known and what is cached: models, info, cache. */
import { Command } from "commander";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { flag, formatBytes, jsonText, option, sum } from "../../entry/mod.ts";
import {
  cacheEntries,
  type CacheEntry,
  cacheFolder,
  knownModels,
  namedEntries,
  pruneCache,
  verifyCache,
} from "../../hub/mod.ts";
import { displayed, folderOf, installed } from "../../home/mod.ts";
import { align } from "../../show/mod.ts";
import { info } from "../../subject/mod.ts";
import { type Context, openOptions, reportsTo } from "../shared/context.ts";
import { declared, entries, explained } from "../shared/declare.ts";
import { jsonOption, outOptions } from "../shared/destination.ts";
import { helpCommand } from "../shared/help.ts";
import { type Flags, MODEL, modelOptions } from "../shared/options.ts";
import { misused } from "../shared/relations.ts";
import { deliver, outputOf } from "../shared/outlet.ts";

export const modelsCommand = (context: Context): Command =>
  declared({
    name: "models",
    says: "list the models that have a short name and need no hub",
    options: jsonOption(),
    example: "models",
  }, async (flags: Flags) => {
    const models = await knownModels();
    const rows = models.map(({ name, alias, architecture, licence, size, cached }) => [
      name,
      alias,
      architecture,
      licence.replace(/ \(.*/, ""), // its address is in the JSON, and said before a download
      formatBytes(size),
      cached ? "yes" : "no",
    ]);
    const head = ["name", "alias", "family", "licence", "size", "cached"];
    const table = () =>
      `${align([head, ...rows], context.look, [3, 2, 0, 1])}\n\n` +
      "a model may also be: a folder in Hugging Face layout, a .gguf file, or owner/name[@revision] of the hub";
    await deliver(context, flags, { json: () => jsonText(models, 1), table });
  });

export const infoCommand = (context: Context): Command =>
  declared({
    name: "info",
    says: "describe a model from its headers: modules, parameters, trained length, licence and origin",
    takes: { "<model>": MODEL },
    options: { ...modelOptions(), ...outOptions() },
    example: "info smollm2-135m",
  }, async (ref: string, flags: Flags) => {
    const result = await info(ref, openOptions(context, flags));
    await deliver(context, flags, outputOf(context, result));
  });

type PruneFlags = Partial<Record<"all" | "yes", boolean>>;

export function cacheCommand(context: Context): Command {
  const command = new Command("cache").description("list, verify or remove downloads")
    .addHelpText("after", `\n${folders()}`);
  const list = declared({
    name: "list",
    says: "list downloads and their sizes",
    options: jsonOption(),
    example: "cache list --json -",
  }, async (flags: Flags) => {
    const entries = await cacheEntries();
    await deliver(context, flags, {
      json: () => jsonText(entries, 1),
      table: () => entries.length ? table(context, entries) : "nothing is cached",
    });
    context.notice(`in ${cacheFolder()}`);
  });
  const check = declared({
    name: "verify",
    says: "read every downloaded file and compare it with its recorded hash",
    takes: { "[names...]": "entries of `lamina cache`, or models in Hugging Face's cache (default: all)" },
    example: "cache verify smollm2-135m-instruct-q4_1",
  }, (names: string[]) => verify(context, names));
  const prune = declared({
    name: "prune",
    says: "remove downloads",
    takes: { "[names...]": "entries of `lamina cache`" },
    options: { all: option(flag, "remove every download"), yes: option(flag, "do not ask for confirmation") },
    example: "cache prune smollm2-135m-instruct-q4_1",
  }, async (names: string[], { all = false, yes = false }: PruneFlags, own: Command) => {
    if (all === names.length > 0) misused(own, "name the downloads to remove, or use --all");
    const entries = await namedEntries(all ? "all" : names);
    if (entries.length === 0) return context.print("removed nothing");
    context.print(table(context, entries));
    if (!yes && !process.stdin.isTTY) {
      misused(own, "no terminal to ask for confirmation; use --yes to remove these");
    }
    const total = formatBytes(sum(entries, ({ bytes }) => bytes));
    if (!yes && !await agreed(context, `Remove ${total} in ${cacheFolder()}?`)) {
      return context.print("removed nothing");
    }
    const removed = await pruneCache(entries.map(({ name }) => name));
    context.print(`removed ${removed.map(({ name }) => name).join(", ")}`);
  });
  explained(command, "cache verify").addCommand(list, { isDefault: true });
  return [check, prune, helpCommand("cache help verify")].reduce((all, one) => all.addCommand(one), command);
}

/** Every folder that Lamina writes to by itself, for people who tidy up or uninstall. */
function folders(): string {
  const rows = [
    [folderOf("cache"), "downloads"],
    [folderOf("results"), "results and pages"],
    [folderOf("cuda"), "CUDA's libraries (lamina cuda)"],
    [folderOf("openvino"), "OpenVINO's libraries (lamina openvino)"],
    [folderOf("ggml"), "llama.cpp's library (lamina ggml)"],
    [folderOf("venv"), "JupyterLab's environment (lamina lab)"],
  ].map(([folder, what]) => [displayed(folder), what] as [string, string]);
  if (installed) rows.push([displayed(folderOf("notebooks")), "your copies of the notebooks (lamina lab)"]);
  rows.push(["DENO_DIR", "Deno's own cache (by default on Linux ~/.cache/deno)"]);
  return [
    "Folders:",
    entries(rows),
    ...installed ? ["", "Uninstalling Lamina leaves these folders: delete what you no longer need."] : [],
  ].join("\n");
}

/** Asks on the terminal; the end of the input is a no, and Ctrl-C ends the command. */
async function agreed({ signal }: Context, question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: false });
  const stopped = Promise.withResolvers<string>();
  lines.once("close", () => stopped.resolve(""));
  signal.addEventListener("abort", () => stopped.reject(signal.reason), { once: true });
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), stopped.promise]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
    process.stdin.destroy();
  }
}

function table(context: Context, entries: readonly CacheEntry[]): string {
  const rows = entries.map(({ name, bytes, lastUse }) => [
    name,
    formatBytes(bytes),
    lastUse.toISOString().slice(0, 10),
  ]);
  return align([["name", "size", "last use"], ...rows], context.look, [0]);
}

async function verify(context: Context, names: readonly string[]): Promise<void> {
  const { files, bytes, damaged } = await verifyCache(names, reportsTo(context));
  if (damaged.length === 0) {
    return context.print(
      `${formatBytes(bytes)} in ${files === 1 ? "1 file" : `${files} files`}: as they arrived`,
    );
  }
  for (const { entry, path, found } of damaged) context.print(`${entry}: ${path}: ${found}`);
  throw new Error(
    `Cannot trust ${damaged.length} of ${files} files, expected the content that arrived; ` +
      "what is damaged is fetched again when the model is opened next, or now: lamina cache prune NAME",
  );
}
