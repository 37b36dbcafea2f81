/** All analyses on one page: `lamina figures`. What is kept is drawn, the rest is computed first. */
import { type Command, Option } from "commander";
import { join } from "node:path";
import { openEngine } from "core/engine/mod.ts";
import { checkFolder } from "core/disk/mod.ts";
import { list, once, oneOf, option, phased, plain, wholeNumber } from "core/entry/mod.ts";
import { type Findings, sections as drawn } from "./sections/sections.ts";
import type { Section } from "./sections/section.ts";
import { wrap } from "core/show/plain.ts";
import { writeReport } from "./page/page.ts";
import { analyses, type AnalysisName, type AnalysisOptions, SIZES } from "./analyses/analyses.ts";
import { engineChecks, studyChecks } from "core/study/options.ts";
import { profile } from "../../features/profile/mod.ts";
import { openModel, type StudyModel } from "core/subject/mod.ts";
import { type Context, openOptions, optionsIn } from "core/command/context.ts";
import { doneText, madeBy, near } from "core/command/outlet.ts";
import { droppedIn, keepFit, nextLines } from "../../features/fit/mod.ts";
import { writes } from "core/command/destination.ts";
import { declared } from "core/command/declare.ts";
import { type Flags, type KeepingFlags, keepingOptions, MODEL, modelOptions } from "core/command/options.ts";

type FiguresFlags = Flags & KeepingFlags & { readonly only?: AnalysisName[]; readonly out?: string };

/** What the profile that some analyses begin with weighs beside them. */
const PROFILE = 1;
const NAMES = Object.keys(analyses) as AnalysisName[];

export const figuresCommand = (context: Context): Command =>
  declared({
    name: "figures",
    says: "draw every analysis on one page, with pictures and numbers",
    takes: { "[model]": [MODEL, "smollm2-135m"] },
    options: {
      out: writes(
        "folder",
        new Option("--out <folder>", "folder for the page (default: figures, in the results folder)"),
      ),
      only: option(list(oneOf(NAMES), "analyses"), "<names> analyses to draw", "all"),
      samples: option(wholeNumber(1), "<n> number of text blocks", "depends on the analysis"),
      length: option(wholeNumber(2), "<t> tokens per block", "depends on the analysis"),
      ...engineChecks,
      ...modelOptions(),
      ...keepingOptions(),
    },
    more: `\nAnalyses:\n${
      NAMES.flatMap((name) => wrap(`  ${name}: ${analyses[name].about}`, 80)).join("\n")
    }`,
    example: "figures --only importance,quality",
  }, async (ref: string, flags: FiguresFlags) => {
    const { only = NAMES, results, cache, out = join(results, "figures") } = flags;
    await checkFolder(out);
    await openEngine(flags);
    const options = optionsIn(context, flags, { checks: studyChecks });
    let opened: Promise<StudyModel> | undefined;
    const model = () => opened ??= openModel(ref, openOptions(context, flags));
    const first = only.some((name) => analyses[name].profiled) ? PROFILE : 0;
    const part = phased(null, [first, ...only.map((name) => analyses[name].weight)], options);
    const profiling = { ...SIZES.profile, ...part(0) };
    const importance = once(async () => profile(await model(), profiling));
    const sections: Section[] = [];
    const next: string[] = [];
    let at: number | undefined; // modules that the answer drops: what titles speak of
    try {
      for (const [i, name] of only.entries()) {
        context.notice(`${name} (${i + 1} of ${only.length})`);
        if (analyses[name].profiled) await importance();
        const own = { ...part(1 + i), model, profile: importance };
        if (name === "fit") {
          const fit = await analyses.fit.run(own);
          const file = cache ? await keepFit(fit, results) : null;
          if (file) next.push(...nextLines(fit, ref, file));
          at = droppedIn(fit);
          sections.push(drawn.fit(fit));
        } else sections.push(await draw(name, own, at));
      }
    } finally {
      (await opened?.catch(() => null))?.close();
    }
    const title = "How much of a transformer may go";
    const page = await writeReport(out, { title, sections, next, ...madeBy() });
    context.write(`page of figures: ${plain(near(page))}`); // unbroken, to be copied
    context.notice(doneText(context, "figures", { results, cache }));
  });

const found: { readonly [Name in AnalysisName]: { run(options: AnalysisOptions): Promise<Findings[Name]> } } =
  analyses;

export async function draw<Name extends AnalysisName>(
  name: Name,
  options: AnalysisOptions,
  at?: number,
): Promise<Section> {
  return drawn[name](await found[name].run(options), at);
}
