/** The first look at a model: a profile, what dropping costs, and a page of figures. */
import { Command } from "commander";
import { join } from "node:path";
import { plain } from "../../entry/mod.ts";
import { benchmarkData } from "../../hub/mod.ts";
import { cacheKey, fileName, type Provenance } from "../../result/mod.ts";
import { type Result, sections, writeReport } from "../../show/mod.ts";
import { type Started, startStudy } from "../../study/mod.ts";
import { type Context, reportsTo, runOptions, tableIn, withModel } from "../shared/context.ts";
import { isStandardOutput, type OutFlags, withOutFlags } from "../shared/destination.ts";
import { explained } from "../shared/help.ts";
import {
  type EngineFlags,
  MODEL,
  withEngineFlags,
  withPriceFlags,
  withResultsFlag,
} from "../shared/options.ts";
import { madeBy, near, outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";

interface StartFlags extends EngineFlags, OutFlags {
  results: string;
  dryRun: boolean;
  force: boolean;
}

export function startCommand(context: Context): Command {
  const command = new Command("start")
    .description("rank the modules, measure what dropping them costs, and write a page of figures")
    .argument("[model]", MODEL, "smollm2-135m");
  explained(command, "start");
  return withOutFlags(withResultsFlag(withPriceFlags(withEngineFlags(command))))
    .action(async (ref: string, flags: StartFlags) => {
      const texts = flags.dryRun ? null : fetchTexts(context);
      try {
        await withModel(context, ref, flags, async (model) => {
          await texts?.fetched();
          const options = {
            ...runOptions(context, { ...flags, cache: true }),
            onFound: tablesTo(context, flags),
          };
          await perform(context, flags, startStudy, [model, options], {
            ...shown(context, model.name),
            async output(started) {
              const line = `page of figures: ${
                plain(near(await writePage(model.name, started, flags.results)))
              }`;
              if (isPiped(flags)) context.notice(line);
              else context.write(`\n${line}`); // unbroken, to be copied
              const { table: _printed, ...output } = outputOf(context, started.sweep, { done: "start" });
              return output;
            },
          });
        });
      } finally {
        await texts?.stop();
      }
    });
}

/** Fetches the texts while the model is opened. A failure is reported by the study, which then needs them. */
function fetchTexts(context: Context) {
  const { signal, onProgress, ...reports } = reportsTo(context);
  const ending = new AbortController();
  let waiting = false;
  const fetching = benchmarkData({
    ...reports,
    signal: AbortSignal.any([signal, ending.signal]),
    onProgress: (progress) => waiting && onProgress(progress), // the model's own line is shown until then
  }).catch(() => {});
  return {
    /** Waits for them; their progress is shown from now on. */
    async fetched() {
      waiting = true;
      await fetching;
    },
    /** Ends the download if it still runs. */
    async stop() {
      ending.abort();
      await fetching;
    },
  };
}

/** Prints each result as soon as it is there, unless standard output is taken by the data. */
function tablesTo(context: Context, flags: OutFlags) {
  let before = "";
  return (result: Result) => {
    if (isPiped(flags)) return;
    context.print(`${before}${tableIn(context, [result])}`);
    before = "\n";
  };
}

const isPiped = ({ json, csv }: OutFlags) => [json, csv].some(isStandardOutput);

/** Writes the page, and keeps the sweep under a readable name. */
async function writePage(name: string, { profile, sweep }: Started, results: string): Promise<string> {
  const folder = nameOf("report", [profile.provenance, sweep.provenance]);
  const drawn = [
    sections.quality(sweep),
    sections.importance({ profile, texts: [] }),
    sections.magnitude(profile),
  ];
  return await writeReport(join(results, folder), {
    title: `What ${name} can live without`,
    sections: drawn,
    ...madeBy(),
  });
}

/** A name under which another model of the same name, or another setting, overwrites nothing. */
function nameOf(kind: string, origins: readonly Provenance[]): string {
  return [kind, fileName(origins[0].model.name), cacheKey(kind, [origins])].join("-");
}
