/** What is known and what is cached: models, info, cache. */
import { Command } from "commander";
import process from "node:process";
import { createInterface } from "node:readline/promises";
import { flag, formatBytes, jsonText, option, sum } from "core/entry/mod.ts";
import {
  cacheEntries,
  type CacheEntry,
  cacheFolder,
  cudaWheels,
  ggmlPackages,
  installWheels,
  knownModels,
  namedEntries,
  openvinoWheels,
  type Pinned,
  pruneCache,
  verifyCache,
} from "core/hub/mod.ts";
import { displayed, folderOf, installed } from "core/home/mod.ts";
import { align } from "core/show/tables/text.ts";
import { type Context, reportsTo } from "core/command/context.ts";
import { declared, entries, explained } from "core/command/declare.ts";
import { jsonOption } from "core/command/destination.ts";
import { helpCommand } from "core/command/help.ts";
import type { Flags } from "core/command/options.ts";
import { misused } from "core/command/relations.ts";
import { deliver, doneText } from "core/command/outlet.ts";
import { cudaFolder, ggmlFolder, openvinoFolder } from "core/libraries/mod.ts";

export const modelsCommand = (context: Context): Command =>
  declared({
    name: "models",
    says: "list the models that have a short name and need no hub",
    options: jsonOption(),
    example: "models",
  }, async (flags: Flags) => {
    const models = await knownModels();
    const rows = models.map(({ alias, architecture, licence, size, cached }) => [
      alias,
      architecture,
      licence.replace(/ \(.*/, ""), // its address is in the JSON, and said before a download
      formatBytes(size),
      cached ? "yes" : "no",
    ]);
    const head = ["name", "family", "licence", "size", "cached"];
    const table = () =>
      `${align([head, ...rows], context.look, [2, 1, 0])}\n\n` +
      "a model may also be: a folder in Hugging Face layout, a .gguf file, or owner/name[@revision] of the hub";
    await deliver(context, flags, { json: () => jsonText(models, 1), table });
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

/** What to know before OpenVINO is fetched: whether the CPU lacks bfloat16, by Linux's description of it. */
export function noBfloat16(cpu: string): string {
  return /^flags\b/m.test(cpu) && !/\b(amx|avx512)_bf16\b/.test(cpu)
    ? "this CPU has neither AMX nor AVX512_BF16: OpenVINO computes in float32 here, and refuses bfloat16"
    : "";
}

/** A command that installs libraries. `lacks` says beforehand what they cannot do on this CPU. */
const installing =
  (name: string, what: string, wheels: readonly Pinned[], folder: string, lacks?: (cpu: string) => string) =>
  (context: Context): Command =>
    declared({
      name,
      says: `install ${what}, into ${displayed(folder)} (Linux x64)`,
      example: name,
    }, async () => {
      const lacking = lacks?.(await Deno.readTextFile("/proc/cpuinfo").catch(() => ""));
      if (lacking) context.notice(lacking);
      await installWheels(wheels, folder, reportsTo(context));
      context.notice(doneText(context, name, {}));
    });

export const cudaCommand = installing(
  "cuda",
  "the libraries that CUDA needs besides NVIDIA's driver",
  cudaWheels,
  cudaFolder,
);
export const openvinoCommand = installing(
  "openvino",
  "OpenVINO's plug-in for ONNX Runtime, for bfloat16 on CPUs with AMX or AVX512_BF16",
  openvinoWheels,
  openvinoFolder,
  noBfloat16,
);
export const ggmlCommand = installing(
  "ggml",
  "llama.cpp's libraries, which round weights to all types of blocks and run GGUF files",
  ggmlPackages,
  ggmlFolder,
);
