/** A plan made into a smaller model: `lamina export MODEL`. */
import { type Command, Option } from "commander";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { failing, filesText, formatBytes, parseJson } from "core/entry/mod.ts";
import { type DropPlan, planHash } from "core/measure/mod.ts";
import { certificateKind } from "../compare/mod.ts";
import { evaluateKind } from "../evaluate/mod.ts";
import { parseResult } from "core/result/mod.ts";
import type { Shown } from "./card/measured.ts";
import { speedKind } from "../speed/mod.ts";
import { exportChecks, exportModel, type ExportOptions } from "./export.ts";
import { openModel } from "core/subject/mod.ts";
import { type Context, openOptions, optionsIn } from "core/command/context.ts";
import { HELD_OUT_TEXT } from "core/study/options.ts";
import { declared } from "core/command/declare.ts";
import { writes } from "core/command/destination.ts";
import { commandLine, doneText, near } from "core/command/outlet.ts";
import { repeatable } from "core/command/relations.ts";
import { type DropFlags, dropOf, dropOptions, wantedOf } from "core/command/drops.ts";
import { type Flags, type KeepingFlags, keepingOptions, MODEL, modelOptions } from "core/command/options.ts";

type ExportFlags =
  & DropFlags
  & KeepingFlags
  & Pick<Flags, "allowField">
  & Pick<ExportOptions, "format">
  & { readonly measure?: string | true; readonly card: string[] };

const exportCommand = (context: Context): Command =>
  declared({
    name: "export",
    says: "write the model without the dropped modules, for other tools",
    takes: { "<model>": MODEL },
    options: {
      ...exportChecks,
      out: writes("new folder", new Option("--out <folder>", "output folder, which must not exist"))
        .makeOptionMandatory(),
      card: repeatable(
        "--card <file>",
        "put this result of `lamina evaluate`, `lamina speed` or `lamina compare` on the model card",
      ),
      ...dropOptions,
      ...modelOptions(),
      ...keepingOptions(),
    },
    example: "export smollm2-135m --plan plan.json --format hf --out smaller",
  }, async (ref: string, flags: ExportFlags) => {
    const wanted = await wantedOf(flags);
    using model = await openModel(ref, openOptions(context, flags));
    const own = dropOf(model, wanted);
    const { plan, ...changes } = wanted;
    const card = (await Promise.all(flags.card.map((file) => resultsOfPlan(file, own)))).flat();
    const measure = flags.measure === true ? HELD_OUT_TEXT : flags.measure;
    const options = optionsIn(context, { ...flags, card, measure }, { checks: exportChecks });
    const { folder, files, sizes } = await exportModel(model, { ...plan, ...changes }, options);
    const width = Math.max(...files.map(({ name }) => name.length));
    context.print(files.map(({ name, bytes }) => `${name.padEnd(width)}  ${formatBytes(bytes)}`).join("\n"));
    context.print(`files: ${filesText(sizes, flags.format)}`);
    context.notice(doneText(context, `export of ${model.name}`, {}, [near(folder)]));
    if (flags.format === "onnx") return; // which Lamina does not read
    const file = files.find(({ name }) => name.endsWith(".gguf"))?.name ?? "";
    const lines = checkLines(ref, own, join(near(folder), file), flags);
    const both = lines.length > 1 ? " (both must print the same perplexity)" : "";
    context.write(`\nTo check the file${both}:\n${lines.join("\n")}`);
  });

/** Commands that check the files: their perplexity, and the original's with and without the modules, where options can say which. */
function checkLines(
  ref: string,
  { attention, mlp, changes, tables }: DropPlan,
  file: string,
  flags: ExportFlags,
): string[] {
  const { plan, dropAttention, dropMlp, dropBlock, allowField = [] } = flags;
  const drops = [["--drop-attention", attention], ["--drop-mlp", mlp]] as const;
  const lists = drops.flatMap(([flag, layers]) => layers.length > 0 ? [flag, `${layers}`] : []);
  const own = !changes && !tables
    ? lists
    : dropAttention || dropMlp || dropBlock
    ? null
    : ["--plan", near(plan!)];
  const others = allowField.flatMap((name) => ["--allow-field", name]);
  return [commandLine("perplexity", file), ...own ? [commandLine("perplexity", ref, ...own, ...others)] : []];
}

/** Reads the results in a file; from a list it takes those of the plan, if there are some. Throws `Error` that names the file. */
async function resultsOfPlan(path: string, plan: DropPlan): Promise<Shown[]> {
  const text = await readFile(path, "utf-8").catch(failing(`Cannot read ${path}`));
  if (!text.trimStart().startsWith("[")) {
    return [parseResult(path, text, evaluateKind, speedKind, certificateKind)];
  }
  const results = (parseJson(text, path) as unknown[]).map((one) =>
    parseResult(path, JSON.stringify(one), evaluateKind)
  );
  const own = results.filter(({ provenance }) => planHash(provenance.drop) === planHash(plan));
  return own.length > 0 ? own : results;
}

export const commands = { "Every day:": [exportCommand], place: 2 };
