/** What is known and what is cached: models, info, cache. */
import { Command } from "commander";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { formatBytes, jsonText } from "../../entry/mod.ts";
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
import { entries, explained, helpCommand } from "../shared/help.ts";
import { type OutFlags, withJsonFlag, withOutFlags } from "../shared/destination.ts";
import { MODEL, type ModelFlags, withModelFlags } from "../shared/options.ts";
import { deliver, outputOf } from "../shared/outlet.ts";

export function modelsCommand(context: Context): Command {
  const command = new Command("models")
    .description("list the models that have a short name and need no hub");
  return withJsonFlag(explained(command, "models"))
    .action(async (flags: OutFlags) => {
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
}

export function infoCommand(context: Context): Command {
  const command = new Command("info")
    .description("describe a model from its headers: modules, parameters, trained length, licence and origin")
    .argument("<model>", MODEL);
  explained(command, "info smollm2-135m");
  return withOutFlags(withModelFlags(command)).action(async (ref: string, flags: OutFlags & ModelFlags) => {
    const result = await info(ref, openOptions(context, flags));
    await deliver(context, flags, outputOf(context, result));
  });
}

export function cacheCommand(context: Context): Command {
  const command = new Command("cache").description("list, verify or remove downloads");
  explained(command, "cache verify").addHelpText("after", `\n${folders()}`);
  const list = command.command("list", { isDefault: true }).description("list downloads and their sizes");
  withJsonFlag(explained(list, "cache list --json -")).action(async (flags: OutFlags) => {
    const entries = await cacheEntries();
    await deliver(context, flags, {
      json: () => jsonText(entries, 1),
      table: () => entries.length ? table(context, entries) : "nothing is cached",
    });
    context.notice(`in ${cacheFolder()}`);
  });
  const check = command.command("verify")
    .description("read every downloaded file and compare it with its recorded hash")
    .argument("[names...]", "entries of `lamina cache`, or models in Hugging Face's cache (default: all)")
    .action((names: string[]) => verify(context, names));
  explained(check, "cache verify smollm2-135m-instruct-q4_1");
  const prune = command.command("prune").description("remove downloads");
  explained(prune, "cache prune smollm2-135m-instruct-q4_1")
    .argument("[names...]", "entries of `lamina cache`")
    .option("--all", "remove every download", false)
    .option("--yes", "do not ask for confirmation", false)
    .action(async (names: string[], { all, yes }: { all: boolean; yes: boolean }) => {
      if (all === names.length > 0) {
        prune.error("error: name the downloads to remove, or use --all", { exitCode: 2 });
      }
      const entries = await namedEntries(all ? "all" : names);
      if (entries.length === 0) return context.print("removed nothing");
      context.print(table(context, entries));
      if (!yes && !process.stdin.isTTY) {
        prune.error("error: no terminal to ask for confirmation; use --yes to remove these", { exitCode: 2 });
      }
      const total = formatBytes(entries.reduce((sum, { bytes }) => sum + bytes, 0));
      if (!yes && !await agreed(context, `Remove ${total} in ${cacheFolder()}?`)) {
        return context.print("removed nothing");
      }
      const removed = await pruneCache(entries.map(({ name }) => name));
      context.print(`removed ${removed.map(({ name }) => name).join(", ")}`);
    });
  command.addCommand(helpCommand("cache help verify"));
  return command;
}

/** Every folder that Lamina writes to by itself, for people who tidy up or uninstall. */
function folders(): string {
  const rows = [
    [folderOf("cache"), "downloads"],
    [folderOf("results"), "results and pages"],
    [folderOf("cuda"), "CUDA's libraries (lamina cuda)"],
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
