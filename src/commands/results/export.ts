/** A plan made into a smaller model: `lamina export MODEL`. */
import { type Command, Option } from "commander";
import { readFile } from "node:fs/promises";
import { failing, formatBytes, oneOf, option, parseJson, required, text } from "../../entry/mod.ts";
import { type DropPlan, planHash } from "../../measure/mod.ts";
import { type Evaluation, parseResult, type Speed } from "../../result/mod.ts";
import { exportModel, filesText, type Format, FORMATS } from "../../export/mod.ts";
import { openModel } from "../../subject/mod.ts";
import { type Context, openOptions, reportsTo } from "../shared/context.ts";
import { HELD_OUT_TEXT } from "../../study/mod.ts";
import { writes } from "../shared/destination.ts";
import { repeatable, withOptions } from "../shared/relations.ts";
import { modelCommand } from "../shared/help.ts";
import {
  type DropFlags,
  dropOf,
  dropOptions,
  type KeepingFlags,
  type ModelFlags,
  wantedOf,
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
  const command = modelCommand(
    "export",
    "write the model without the dropped modules, for other tools",
    "smollm2-135m --plan plan.json --format hf --out smaller",
  )
    .addOption(
      writes("new folder", new Option("--out <folder>", "output folder, which must not exist"))
        .makeOptionMandatory(),
    )
    .addOption(repeatable(
      "--card <file>",
      "put the scores or speeds in this result of `lamina evaluate` or `lamina speed` on the model card",
    ));
  withOptions(command, {
    format: option(
      required(oneOf(FORMATS)),
      "<name> output format: hf for transformers, hf-nas for mlx-lm, llm-drop for the paper's code, gguf for llama.cpp, " +
        "onnx for ONNX Runtime; attention or an MLP dropped alone is left out of hf-nas, gguf-deci and onnx",
    ),
    measure: option(
      text,
      "[file|name] measure perplexity with and without the dropped modules on 8 × 512 tokens of this text for the model card; " +
        "earlier results are always included",
      HELD_OUT_TEXT,
    ),
    ...dropOptions,
  });
  return withKeepingFlags(withModelFlags(command)).action(
    async (ref: string, flags: ExportFlags) => {
      const wanted = await wantedOf(flags);
      using model = await openModel(ref, openOptions(context, flags));
      const own = dropOf(model, wanted);
      const { plan, ...changes } = wanted;
      const card = (await Promise.all(flags.card.map((file) => resultsOfPlan(file, own)))).flat();
      const measure = flags.measure === true ? HELD_OUT_TEXT : flags.measure;
      const { folder, files, sizes } = await exportModel(model, { ...plan, ...changes }, {
        ...{ format: flags.format, out: flags.out, card },
        ...measure === undefined ? {} : { measure },
        ...flags.cache ? { results: flags.results } : {},
        ...reportsTo(context),
      });
      const width = Math.max(...files.map(({ name }) => name.length));
      context.print(
        files.map(({ name, bytes }) => `${name.padEnd(width)}  ${formatBytes(bytes)}`).join("\n"),
      );
      context.print(`files: ${filesText(sizes, flags.format)}`);
      context.notice(doneText(context, `export of ${model.name}`, {}, [near(folder)]));
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
