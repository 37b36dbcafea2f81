/** All analyses on one page: `lamina figures`. What is kept is drawn, the rest is computed first. */
import { Command, InvalidArgumentError } from "commander";
import { join, relative } from "node:path";
import process from "node:process";
import { checkFolder } from "../disk/mod.ts";
import { type Section, writeReport } from "../show/mod.ts";
import { analyses, type AnalysisName, profile, SIZES } from "../study/mod.ts";
import { openModel } from "../subject/mod.ts";
import type { Context } from "./context.ts";
import { drawn } from "./drawn.ts";
import { type KeepingFlags, wholeNumber, withKeepingFlags } from "./options.ts";

interface FiguresFlags extends KeepingFlags {
  only?: AnalysisName[];
  out?: string;
  samples?: number;
  length?: number;
}

const NAMES = Object.keys(analyses) as AnalysisName[];

export function figuresCommand(context: Context): Command {
  return withKeepingFlags(new Command("figures"))
    .description("every analysis on one HTML page, its pictures and numbers beside it")
    .argument("[model]", "another model", "smollm2-135m")
    .option("--only <names>", `these alone, as importance,quality; of: ${NAMES.join(", ")}`, analysesOf)
    .option("--out <folder>", "where to write the page, instead of the folder figures among the results")
    .option("--samples <n>", "blocks of text, instead of each analysis' own number", wholeNumber(1))
    .option("--length <t>", "tokens in each block, likewise", wholeNumber(2))
    .addHelpText("after", () => `\n${NAMES.map((name) => `${name}: ${analyses[name].about}`).join("\n")}`)
    .action(async (ref: string, { only = NAMES, results, cache, ...flags }: FiguresFlags) => {
      const { out = join(results, "figures"), ...sizes } = flags;
      await checkFolder(out);
      const reports = {
        signal: context.signal,
        onProgress: context.progress.onProgress,
        onNotice: context.notice,
      };
      const options = { ...reports, ...sizes, ...(cache ? { results } : {}) };
      const model = once(() => openModel(ref, reports));
      const importance = once(async () => profile(await model.get(), { ...SIZES.profile, ...options }));
      const sections: Section[] = [];
      try {
        for (const name of only) {
          context.notice(`${name} (${sections.length + 1} of ${only.length})`);
          sections.push(await drawn[name]({ ...options, model: model.get, profile: importance.get }));
        }
      } finally {
        (await model.made()?.catch(() => null))?.close();
      }
      const page = await writeReport(out, { title: "What a transformer can live without", sections });
      context.print(`page of figures: ${relative(process.cwd(), page)}`);
    });
}

/** Something that is made when it is first asked for. */
function once<T>(make: () => Promise<T>) {
  let made: Promise<T> | undefined;
  return { get: () => made ??= make(), made: () => made };
}

/** Analyses by name, in the order of the page: "importance,quality". */
function analysesOf(text: string): AnalysisName[] {
  const names = text.split(",").map((name) => name.trim());
  const unknown = names.filter((name) => !(NAMES as string[]).includes(name));
  if (unknown.length > 0) {
    throw new InvalidArgumentError(`found "${unknown.join(", ")}", expected of ${NAMES.join(", ")}`);
  }
  return NAMES.filter((name) => names.includes(name));
}
