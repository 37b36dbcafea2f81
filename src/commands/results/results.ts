/** Commands over results that are there already: plan, compare, merge. */
import type { Command } from "commander";
import { flag, option } from "../../entry/mod.ts";
import { MODULES } from "../../measure/mod.ts";
import { merge, readResult, resultText } from "../../result/mod.ts";
import { lastText, modelOf } from "../../show/mod.ts";
import { compare, compareSamples, makePlan, planChecks, samplesChecks } from "../../study/mod.ts";
import { type Context, optionsIn, tableIn } from "../shared/context.ts";
import { declared } from "../shared/declare.ts";
import { outOptions } from "../shared/destination.ts";
import { type Flags, randomAmong, resultsOption } from "../shared/options.ts";
import { deliver, outputOf } from "../shared/outlet.ts";
import { expectOne, misused } from "../shared/relations.ts";
import { type MergeFlags, mergeShards, ofPlan, readGiven, type RunLine } from "../machines/shards.ts";

export const planCommand = (context: Context): Command =>
  declared({
    name: "plan",
    says: "choose modules to drop, from a profile or an order",
    takes: { "<file>": "file from `lamina profile --json` or `lamina order --json`" },
    options: { ...planChecks, table: option(flag, "print a table instead of JSON"), ...outOptions() },
    relations: { seed: { needs: randomAmong(false) } },
    example: "plan profile.json --target attention --drop 8 > plan.json",
  }, async (file: string, flags: Flags & { readonly table?: boolean }, command: Command) => {
    expectOne(command, ["--drop", "--parameters", "--kv-bytes"]);
    const options = optionsIn(context, flags, { checks: planChecks });
    const { target } = options;
    const result = await readResult(file, "profile", "order");
    if (result.kind === "profile" && !target) misused(command, "a plan from a profile needs --target");
    const plan = makePlan(result, options);
    if (result.kind === "profile" && plan.last && plan.order.length > 0) {
      context.notice(
        `these go last: ${
          lastText(plan.last)
        }; this is what the profile shows, and \`lamina order MODEL --target ${target} --upto ${plan.order.length}\` checks by removals`,
      );
    }
    await deliver(context, flags.table ? flags : piped(flags), {
      ...outputOf(context, plan),
      json: () => resultText(plan),
      next: MODULES.flatMap((module) => plan[module].length ? [`--drop-${module} ${plan[module]}`] : []).join(
        " ",
      ),
    });
  });

export const compareCommand = (context: Context): Command =>
  declared({
    name: "compare",
    says: "show how alike two profiles rank the modules, or how two models answer the same documents",
    takes: {
      "<a>": "result of `lamina profile --json`; with --samples, a file or folder of lm-eval's --log_samples",
      "<b>": "another one",
    },
    options: {
      samples: option(flag, "compare answers that lm-eval logged: paired changes, exact intervals, flips"),
      ...samplesChecks,
      ...outOptions(),
    },
    relations: Object.fromEntries(Object.keys(samplesChecks).map((name) => [name, { needs: "samples" }])),
    example: "compare stories.json wiki.json",
  }, async (a: string, b: string, { samples, ...flags }: Flags & { readonly samples?: boolean }) => {
    if (samples) {
      const options = optionsIn(context, flags, { checks: samplesChecks });
      return await deliver(context, flags, outputOf(context, await compareSamples(a, b, options)));
    }
    const [first, second] = [await readResult(a, "profile"), await readResult(b, "profile")];
    const comparison = compare(first, second);
    const models: [string, string] = [modelOf(first.provenance.model), modelOf(second.provenance.model)];
    const shown = { ...comparison, models };
    const table = () => tableIn(context, [shown]);
    await deliver(context, flags, { ...outputOf(context, comparison), table });
  });

export const mergeCommand = (context: Context, run: RunLine): Command =>
  declared({
    name: "merge",
    says: "merge shards into the exact result of the whole study, and print it as JSON",
    takes: {
      "<files...>":
        "a plan from `lamina shards` (- for stdin), or profiles or perplexities made with --skip, in any order",
    },
    options: {
      missing: option(flag, "only list the missing shards of a plan, in the format of Slurm's --array"),
      strict: option(flag, "refuse shards of a plan that ran on different processors"),
      ...resultsOption(),
      ...outOptions(),
    },
    relations: { missing: { excludes: ["strict", "json", "csv"] } },
    example: "merge plan.json --json whole.json",
    codes: [["3", "shards are missing"]],
  }, async (files: string[], flags: Flags & MergeFlags, command: Command) => {
    const [plan] = files.length === 1 ? [await readGiven(files[0], "shards", "profile", "perplexity")] : [];
    if (plan?.kind === "shards") {
      return await ofPlan(files[0], () => mergeShards(context, run, plan, flags, outLine(flags)));
    }
    const ofPlans = (["missing", "strict"] as const).find((flag) => flags[flag]);
    if (ofPlans) {
      misused(command, `--${ofPlans} is for a plan, as \`lamina shards\` prints one`);
    }
    const parts = await Promise.all(files.map((file) => readResult(file, "profile", "perplexity")));
    const whole = merge(parts, files);
    await deliver(context, piped(flags), { ...outputOf(context, whole), json: () => resultText(whole) });
  });

function outLine(flags: Flags): string[] {
  const { json, csv } = piped(flags);
  return [...json === undefined ? [] : ["--json", json], ...csv === undefined ? [] : ["--csv", csv]];
}

/** Where data go that no flag sends elsewhere: into the next program. */
function piped(flags: Flags): Flags {
  return flags.json === undefined && flags.csv === undefined ? { json: "-" } : flags;
}
