/** A plan made into a smaller model: `lamina export MODEL`. */
import { Command, Option } from "commander";
import { readFile } from "node:fs/promises";
import { failing, formatBytes, parseJson } from "../../entry/mod.ts";
import { type DropPlan, planHash } from "../../measure/mod.ts";
import { type Evaluation, parseResult, type Speed } from "../../result/mod.ts";
import { exportModel, filesText, type Format, FORMATS } from "../../export/mod.ts";
import { type Context, reportsTo, withModel } from "../shared/context.ts";
import { HELD_OUT_TEXT } from "../../study/mod.ts";
import { writes } from "../shared/destination.ts";
import { repeatable } from "../shared/relations.ts";
import { explained } from "../shared/help.ts";
import {
  type DropFlags,
  dropOf,
  type KeepingFlags,
  MODEL,
  type ModelFlags,
  wantedOf,
  withDropFlags,
  withKeepingFlags,
  withModelFlags,
} from "../shared/options.ts";
import { doneText, near } from "../shared/outlet.ts";

interface ExportFlags extends DropFlags, KeepingFlags, ModelFlags {
  format: Format;
  out: string;
  measure?: string | true;
  card: string[];
}

export function exportCommand(context: Context): Command {
  const command = new Command("export")
    .description("write the model without the dropped modules, for use in other tools")
    .argument("<model>", MODEL)
    .addOption(
      new Option(
        "--format <name>",
        "output format: hf for transformers, hf-nas for mlx-lm, llm-drop for the paper's code, gguf for llama.cpp, " +
          "onnx for ONNX Runtime; attention or an MLP dropped alone is left out of hf-nas, gguf-deci and onnx",
      ).choices([...FORMATS]).makeOptionMandatory(),
    )
    .addOption(
      writes("new folder", new Option("--out <folder>", "output folder, which must not exist"))
        .makeOptionMandatory(),
    )
    .option(
      "--measure [file|name]",
      "measure perplexity with and without the dropped modules on 8 × 512 tokens of this text (default: wiki) " +
        "for the model card; earlier results are always included",
    )
    .addOption(repeatable(
      "--card <file>",
      "put the scores or speeds in this result of `lamina evaluate` or `lamina speed` on the model card",
    ));
  explained(command, "export smollm2-135m --plan plan.json --format hf --out smaller");
  return withKeepingFlags(withModelFlags(withDropFlags(command))).action(
    async (ref: string, flags: ExportFlags) => {
      const wanted = await wantedOf(flags);
      await withModel(context, ref, { allowField: flags.allowField }, async (model) => {
        const own = dropOf(model, wanted);
        const { plan, ...changes } = wanted;
        const card = (await Promise.all(flags.card.map((file) => resultsOfPlan(file, own)))).flat();
        const { folder, files, sizes } = await exportModel(model, { ...plan, ...changes }, {
          format: flags.format,
          out: flags.out,
          ...flags.measure === undefined
            ? {}
            : { measure: flags.measure === true ? HELD_OUT_TEXT : flags.measure },
          card,
          ...flags.cache ? { results: flags.results } : {},
          ...reportsTo(context),
        });
        const width = Math.max(...files.map(({ name }) => name.length));
        context.print(
          files.map(({ name, bytes }) => `${name.padEnd(width)}  ${formatBytes(bytes)}`).join("\n"),
        );
        context.print(`files: ${filesText(sizes, flags.format)}`);
        context.notice(doneText(context, `export of ${model.name}`, {}, [near(folder)]));
      });
    },
  );
}

/** Reads the results in a file; from a list it takes those of the plan, if there are some. Throws `Error` that names the file. */
async function resultsOfPlan(path: string, plan: DropPlan): Promise<(Evaluation | Speed)[]> {
  const text = await readFile(path, "utf-8").catch(failing(`Cannot read ${path}`));
  if (!text.trimStart().startsWith("[")) return [parseResult(path, text, "evaluate", "speed")];
  const results = (parseJson(text, path) as unknown[]).map((one) =>
    parseResult(path, JSON.stringify(one), "evaluate")
  );
  const own = results.filter(({ provenance }) => planHash(provenance.drop) === planHash(plan));
  return own.length > 0 ? own : results;
}
