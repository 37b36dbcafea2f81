/** A plan made into a smaller model: `lamina export MODEL`. */
import { formatBytes } from "../../entry/mod.ts";
import { Command, Option } from "commander";
import { exportModel, type Format, FORMATS } from "../../export/mod.ts";
import { type Context, reportsTo, withModel } from "../shared/context.ts";
import { HELD_OUT_TEXT } from "../../study/mod.ts";
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
}

export function exportCommand(context: Context): Command {
  const command = new Command("export")
    .description("write the model without the dropped modules, for use in other tools")
    .argument("<model>", MODEL)
    .addOption(
      new Option(
        "--format <name>",
        "output format: hf for transformers, llm-drop for the paper's code, gguf for llama.cpp (gguf-deci can " +
          "also drop attention alone), onnx for ONNX Runtime",
      ).choices([...FORMATS]).makeOptionMandatory(),
    )
    .requiredOption("--out <folder>", "output folder, which must not exist")
    .option(
      "--measure [text]",
      "measure perplexity with and without the dropped modules on 8 × 512 tokens of this text (default: wiki) " +
        "for the model card; earlier results are always included",
    );
  explained(command, "export smollm2-135m --plan plan.json --format hf --out smaller");
  return withKeepingFlags(withModelFlags(withDropFlags(command))).action(
    async (ref: string, flags: ExportFlags) => {
      const wanted = await wantedOf(flags);
      await withModel(context, ref, { allowField: flags.allowField }, async (model) => {
        dropOf(model, wanted);
        const { plan, ...changes } = wanted;
        const { folder, files } = await exportModel(model, { ...plan, ...changes }, {
          format: flags.format,
          out: flags.out,
          ...flags.measure === undefined
            ? {}
            : { measure: flags.measure === true ? HELD_OUT_TEXT : flags.measure },
          ...flags.cache ? { results: flags.results } : {},
          ...reportsTo(context),
        });
        const width = Math.max(...files.map(({ name }) => name.length));
        context.print(
          files.map(({ name, bytes }) => `${name.padEnd(width)}  ${formatBytes(bytes)}`).join("\n"),
        );
        context.notice(doneText(context, `export of ${model.name}`, {}, [near(folder)]));
      });
    },
  );
}
