/** What is known and what is cached: models, cache. */
import { Command } from "commander";
import { cacheEntries, cacheFolder, formatBytes, knownModels, pruneCache } from "../hub/mod.ts";
import { align } from "../show/mod.ts";
import type { Context } from "./context.ts";

export function modelsCommand(context: Context): Command {
  return new Command("models")
    .description("models that can be fetched by name, without the hub")
    .option("--json", "as JSON", false)
    .action(async ({ json }: { json: boolean }) => {
      const models = await knownModels();
      if (json) return context.print(JSON.stringify(models, null, 1));
      const rows = models.map(({ name, alias, architecture, licence, size, cached }) => [
        name,
        alias,
        architecture,
        licence,
        formatBytes(size),
        cached ? "yes" : "no",
      ]);
      const head = ["name", "alias", "architecture", "licence", "size", "cached"];
      context.print(align([head, ...rows], context.look, [0, 1, 2, 3]));
      context.print("\nor: a folder in Hugging Face layout, a .gguf file, owner/name[@revision]");
    });
}

export function cacheCommand(context: Context): Command {
  const command = new Command("cache").description("what is cached, and how to remove it");
  command.command("list", { isDefault: true }).description("entries and their sizes").action(async () => {
    const entries = await cacheEntries();
    const rows = entries.map(({ name, bytes, lastUse }) => [
      name,
      formatBytes(bytes),
      lastUse.toISOString().slice(0, 10),
    ]);
    context.print(
      rows.length ? align([["name", "size", "last use"], ...rows], context.look, [0]) : "nothing is cached",
    );
    context.notice(`in ${cacheFolder()}`);
  });
  command.command("prune").description("remove entries, or all with --all")
    .argument("[names...]", "entries of `lamina cache`")
    .option("--all", "remove everything", false)
    .action(async (names: string[], { all }: { all: boolean }) => {
      if (!all && names.length === 0) {
        command.error("error: name what to remove, or say --all", { exitCode: 2 });
      }
      const removed = await pruneCache(all ? "all" : names);
      context.print(`removed ${removed.length ? removed.map(({ name }) => name).join(", ") : "nothing"}`);
    });
  return command;
}
