/** All analyses on one page: `lamina figures`. What is kept is drawn, the rest is computed first; results of files are drawn alone. */
import { type Command, Option } from "commander";
import { basename, join } from "node:path";
import { openEngine } from "core/engine/mod.ts";
import { checkFolder } from "core/disk/mod.ts";
import { list, once, oneOf, option, phased, plain, wholeNumber } from "core/entry/mod.ts";
import { type Findings, sections as drawn } from "./sections/sections.ts";
import type { Report, Section } from "./sections/section.ts";
import { readGiven, sectionsOf } from "./given.ts";
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
import { misused } from "core/command/relations.ts";
import { type Flags, type KeepingFlags, keepingOptions, MODEL, modelOptions } from "core/command/options.ts";

type FiguresFlags = Flags & KeepingFlags & { readonly only?: AnalysisName[]; readonly out?: string };

/** What the profile that some analyses begin with weighs beside them. */
const PROFILE = 1;
const NAMES = Object.keys(analyses) as AnalysisName[];

export const figuresCommand = (context: Context): Command =>
  declared({
    name: "figures",
    says: "draw every analysis on one page, with pictures and numbers",
    takes: {
      "[model...]": [
        `${MODEL}; or results (.json), which are drawn without measuring anything`,
        "smollm2-135m",
      ],
    },
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
  }, async (given: string | string[], flags: FiguresFlags, command: Command) => {
    const { only = NAMES, results, cache, out = join(results, "figures") } = flags;
    const [ref, ...more] = [given].flat();
    const write = async (report: Pick<Report, "title" | "sections" | "next">) => {
      const page = await writeReport(out, { ...report, ...madeBy() });
      context.write(`page of figures: ${plain(near(page))}`); // unbroken, to be copied
    };
    if (more.length > 0 || ref.endsWith(".json")) {
      const files = resultFiles(command, [ref, ...more]);
      await checkFolder(out);
      const sections = sectionsOf(await Promise.all(files.map(readGiven)));
      return await write({ title: `Results: ${namesText(files)}`, sections });
    }
    await checkFolder(out);
    await openEngine(flags);
    const options = optionsIn(context, flags, { checks: studyChecks });
    let opened: Promise<StudyModel> | undefined;
    const model = () => opened ??= openModel(ref, openOptions(context, flags));
    const first = only.some((name) => analyses[name].profiled) ? PROFILE : 0;
    const part = phased(null, [first, ...only.map((name) => analyses[name].weight)], options);
    const importance = once(async () => profile(await model(), { ...SIZES.profile, ...part(0) }));
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
          const file = await keepFit(fit, out);
          if (file) next.push(...nextLines(fit, ref, file));
          at = droppedIn(fit);
          sections.push(drawn.fit(fit));
        } else sections.push(await draw(name, own, at));
      }
    } finally {
      (await opened?.catch(() => null))?.close();
    }
    await write({ title: "How small can the file be", sections, next });
    context.notice(doneText(context, "figures", { results, cache }));
  });

/** "fit.json, compare.json", "12 files". */
const namesText = (files: readonly string[]): string =>
  files.length > 4 ? `${files.length} files` : files.map((file) => basename(file)).join(", ");

/** Names of results in place of a model, which take no option of a study. */
function resultFiles(command: Command, names: readonly string[]): readonly string[] {
  const other = names.find((name) => !name.endsWith(".json"));
  if (other !== undefined) misused(command, `found ${other}, expected one model, or results (.json)`);
  const own = ["out", "results", "cache", "quiet"];
  const odd = command.options.find((option) => {
    const name = option.attributeName();
    return command.getOptionValueSource(name) === "cli" && !own.includes(name);
  });
  if (odd) misused(command, `${odd.long} is for models`);
  return names;
}

const found: { readonly [Name in AnalysisName]: { run(options: AnalysisOptions): Promise<Findings[Name]> } } =
  analyses;

export async function draw<Name extends AnalysisName>(
  name: Name,
  options: AnalysisOptions,
  at?: number,
): Promise<Section> {
  return drawn[name](await found[name].run(options), at);
}
