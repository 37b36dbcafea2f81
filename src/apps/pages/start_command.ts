/** The first look at a model: a profile, the smallest file within a divergence, what dropping costs, and a page of figures. */
import type { Command } from "commander";
import { join } from "node:path";
import { plain } from "core/entry/mod.ts";
import { benchmarkFiles } from "core/hub/mod.ts";
import { cacheKey, fileName } from "core/result/mod.ts";
import { aimsOf, droppedIn, type Fit, keepFit, nextLines, promiseText } from "../../features/fit/mod.ts";
import { type Profile, rankingTable } from "../../features/profile/mod.ts";
import { sections } from "./sections/sections.ts";
import { writeReport } from "./page/page.ts";
import { engineChecks, forcingChecks } from "core/study/options.ts";
import { PROMISE, type Started, startStudy } from "./start.ts";
import { type Context, optionsIn, reportsTo, tableIn, withModel } from "core/command/context.ts";
import { isStandardOutput, outOptions } from "core/command/destination.ts";
import { commandLine, madeBy, near, nextText, type Output, outputOf } from "core/command/outlet.ts";
import { declared } from "core/command/declare.ts";
import { type Flags, type KeepingFlags, MODEL, pricedOptions, resultsOption } from "core/command/options.ts";
import { perform, shown } from "core/command/perform.ts";
import { openRunner } from "core/command/sharing.ts";
import { tablesText } from "core/show/tables/text.ts";

type StartFlags = Flags & Pick<KeepingFlags, "results">;

export const startCommand = (context: Context): Command =>
  declared({
    name: "start",
    says: "find the smallest file within a KLD of 0.05, and write a page",
    takes: { "[model]": [MODEL, "smollm2-135m"] },
    options: {
      ...{ ...engineChecks, ...forcingChecks, ...pricedOptions(), ...resultsOption(), ...outOptions() },
    },
    example: "start",
  }, async (ref: string, flags: StartFlags) => {
    await openRunner(context, flags); // without one, nothing is fetched
    const texts = flags.dryRun ? null : fetchTexts(context);
    try {
      await withModel(context, ref, flags, async (model) => {
        await texts?.fetched();
        const onMeasured = (result: Profile | Fit) =>
          isPiped(flags) || context.print(firstLook(context, result));
        const options = { ...optionsIn(context, flags, startStudy), onMeasured };
        await perform(context, flags, startStudy, [model, options], {
          ...shown(context, model.name, { promise: promiseText(aimsOf(PROMISE).limits) }),
          output: (started) => finished(context, ref, flags, model.name, started),
        });
      });
    } finally {
      await texts?.stop();
    }
  });

/** Fetches the texts while the model is opened. A failure is reported by the study, which then needs them. */
function fetchTexts(context: Context) {
  const { signal, onProgress, ...reports } = reportsTo(context);
  const ending = new AbortController();
  let waiting = false;
  const fetching = benchmarkFiles({
    ...reports,
    signal: AbortSignal.any([signal, ending.signal]),
    onProgress: (progress) => waiting && onProgress(progress), // the model's own line is shown until then
  }).catch(() => {});
  return {
    async fetched() {
      waiting = true;
      await fetching;
    },
    async stop() {
      ending.abort();
      await fetching;
    },
  };
}

/** A profile's five lowest modules, since the answer takes minutes; the answer as `fit` prints it. */
const firstLook = (context: Context, result: Profile | Fit): string =>
  result.kind === "profile"
    ? `${tablesText([rankingTable(result, 5)], context.look)}\n`
    : tableIn(context, [result]);

const isPiped = ({ json, csv }: Flags) => [json, csv].some(isStandardOutput);

/** Writes the page of figures and names it; what is printed after it. */
async function finished(
  context: Context,
  ref: string,
  flags: StartFlags,
  name: string,
  { profile, fit, sweep }: Started,
): Promise<Output> {
  const origins = [profile.provenance, fit.provenance, sweep.provenance];
  // Another model of the same name, or another setting, overwrites nothing.
  const named = ["report", fileName(origins[0].model.name), cacheKey("report", [origins])].join("-");
  const folder = join(flags.results, named);
  const next = await nextOf(fit, ref, folder);
  const drawn = [
    sections.fit(fit),
    sections.quality(sweep, droppedIn(fit)),
    sections.importance({ profile, texts: [] }),
    sections.magnitude(profile),
  ];
  const report = { title: `How small can the file of ${name} be`, sections: drawn, next, ...madeBy() };
  const line = `page of figures: ${plain(near(await writeReport(folder, report)))}`;
  if (isPiped(flags)) context.notice(line);
  else context.write(`\n${line}`); // unbroken, to be copied
  const { table: _printed, ...output } = outputOf(context, fit, { done: "start" });
  return { ...output, ...nextText(next) };
}

/** Commands that use the answer; without one, a fit that may diverge further. */
async function nextOf(fit: Fit, ref: string, folder: string): Promise<string[]> {
  const file = await keepFit(fit, folder);
  if (fit.plan) return file ? nextLines(fit, ref, file) : [];
  return [commandLine("fit", ref, "--kld", `${2 * PROMISE.kld}`)];
}
