/** All analyses on one page: `lamina figures`. What is kept is drawn, the rest is computed first. */
import { Command, Option } from "commander";
import { join } from "node:path";
import { openEngine } from "../../engine/mod.ts";
import { checkFolder } from "../../disk/mod.ts";
import { list, oneOf, phases, plain, wholeNumber, within } from "../../entry/mod.ts";
import { type Findings, type Section, sections as drawn, wrap, writeReport } from "../../show/mod.ts";
import { analyses, type AnalysisName, type AnalysisOptions, profile, SIZES } from "../../study/mod.ts";
import { openModel } from "../../subject/mod.ts";
import { type Context, openOptions, reportsTo } from "../shared/context.ts";
import { doneText, madeBy, near } from "../shared/outlet.ts";
import { answered, keepFit, nextLines } from "../shared/fitted.ts";
import { writes } from "../shared/destination.ts";
import { explained } from "../shared/help.ts";
import {
  type EngineFlags,
  type KeepingFlags,
  MODEL,
  withEngineFlags,
  withKeepingFlags,
} from "../shared/options.ts";
import { reads } from "../shared/relations.ts";

interface FiguresFlags extends KeepingFlags, EngineFlags {
  only?: AnalysisName[];
  out?: string;
  samples?: number;
  length?: number;
}

/** What the profile that some analyses begin with weighs beside them. */
const PROFILE = 1;
const NAMES = Object.keys(analyses) as AnalysisName[];

export function figuresCommand(context: Context): Command {
  const command = new Command("figures")
    .description("draw every analysis on one HTML page, and write pictures and numbers beside it")
    .argument("[model]", MODEL, "smollm2-135m")
    .option(
      "--only <names>",
      `analyses to draw, from: ${NAMES.join(", ")} (default: all)`,
      reads(list(oneOf(NAMES), "analyses")),
    )
    .addOption(
      writes(
        "folder",
        new Option("--out <folder>", "folder for the page (default: figures, in the results folder)"),
      ),
    )
    .option(
      "--samples <n>",
      "number of text blocks (default: depends on the analysis)",
      reads(wholeNumber(1)),
    )
    .option("--length <t>", "tokens per block (default: depends on the analysis)", reads(wholeNumber(2)));
  explained(command, "figures --only importance,quality");
  const about = NAMES.flatMap((name) => wrap(`  ${name}: ${analyses[name].about}`, 80));
  return withKeepingFlags(withEngineFlags(command)).addHelpText("after", `\nAnalyses:\n${about.join("\n")}`)
    .action(async (ref: string, { only = NAMES, results, cache, ...flags }: FiguresFlags) => {
      const { out = join(results, "figures"), allowField, ...sizes } = flags;
      await checkFolder(out);
      await openEngine(flags);
      const options = { ...reportsTo(context), ...sizes, ...(cache ? { results } : {}) };
      const model = once(() => openModel(ref, openOptions(context, { allowField })));
      const first = only.some((name) => analyses[name].profiled) ? PROFILE : 0;
      const phase = phases(null, [first, ...only.map((name) => analyses[name].weight)], options.onProgress);
      const profiling = { ...SIZES.profile, ...within(options, phase(0)) };
      const importance = once(async () => profile(await model.get(), profiling));
      const sections: Section[] = [];
      const next: string[] = [];
      let at: number | undefined; // modules that the answer drops: what titles speak of
      try {
        for (const [i, name] of only.entries()) {
          context.notice(`${name} (${i + 1} of ${only.length})`);
          if (analyses[name].profiled) await importance.get();
          const own = { ...within(options, phase(1 + i)), model: model.get, profile: importance.get };
          if (name === "fit") {
            const fit = await analyses.fit.run(own);
            const file = cache ? await keepFit(fit, results) : null;
            if (file) next.push(...nextLines(fit, ref, file));
            at = answered(fit)?.dropped;
            sections.push(drawn.fit(fit));
          } else sections.push(await draw(name, own, at));
        }
      } finally {
        (await model.made()?.catch(() => null))?.close();
      }
      const title = "How much of a transformer may go";
      const page = await writeReport(out, { title, sections, next, ...madeBy() });
      context.write(`page of figures: ${plain(near(page))}`); // unbroken, to be copied
      context.notice(doneText(context, "figures", { results, cache }));
    });
}

/** The analyses, each finding what its section draws. */
const found: { readonly [Name in AnalysisName]: { run(options: AnalysisOptions): Promise<Findings[Name]> } } =
  analyses;

/** Computes an analysis and draws it. */
export async function draw<Name extends AnalysisName>(
  name: Name,
  options: AnalysisOptions,
  at?: number,
): Promise<Section> {
  return drawn[name](await found[name].run(options), at);
}

/** Something that is made when it is first asked for. */
function once<T>(make: () => Promise<T>) {
  let made: Promise<T> | undefined;
  return { get: () => made ??= make(), made: () => made };
}
