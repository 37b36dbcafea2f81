/** Commands over results that are there already: plan, compare, merge. */
import { type Command, Option } from "commander";
import { flag, option } from "../../entry/mod.ts";
import { type DropPlan, MODULES } from "../../measure/mod.ts";
import { merge, readResult, resultText } from "../../result/mod.ts";
import { lastText, modelOf } from "../../show/mod.ts";
import {
  compare,
  compareSamples,
  makePlan,
  planChecks,
  SAMPLES,
  samplesChecks,
  studies,
} from "../../study/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { type Context, optionsIn, tableIn, withModel } from "../shared/context.ts";
import { declared } from "../shared/declare.ts";
import { outOptions } from "../shared/destination.ts";
import { DROP_OPTIONS, type DropFlags, dropOf, dropOptions, wantedOf } from "../shared/drops.ts";
import { type Flags, MODEL, randomAmong, resultsOption, studyOptions } from "../shared/options.ts";
import { deliver, type Output, outputOf } from "../shared/outlet.ts";
import { perform, shown } from "../shared/perform.ts";
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

/** A number of blocks; without one, for logs of lm-eval, of which it takes one as its value where that comes next. */
type CompareFlags = Flags & DropFlags & { readonly samples?: number | string | true };
const isBare = (samples: unknown) => samples !== undefined && typeof samples !== "number";
const LOGS = { needs: { option: "samples", is: "without a number", holds: isBare } };

export const compareCommand = (context: Context): Command =>
  declared({
    name: "compare",
    says:
      "certify what a smaller model, or a plan, costs; compare two profiles, or answers that lm-eval logged",
    takes: {
      "<a>": `${MODEL}; or a profile (.json); with --samples, a file or folder of lm-eval's --log_samples`,
      "[b]": "another one, which is compared with the first; without it, the first under a plan",
    },
    options: {
      ...{ ...dropOptions, ...studies.certify.checks, ...samplesChecks, ...studyOptions("certificate") },
      samples: new Option(
        "--samples [n]",
        `number of text blocks (default: ${SAMPLES}); without a number: compare answers that lm-eval logged`,
      ).argParser((text) => /^\d+$/.test(text) ? Number(text) : text),
    },
    relations: Object.fromEntries(Object.keys(samplesChecks).map((name) => [name, LOGS])),
    example: "compare smollm2-135m smaller.gguf",
  }, async (a: string, b: string | undefined, { samples, ...flags }: CompareFlags, command: Command) => {
    const areLogs = isBare(samples);
    if (areLogs || [a, b].every((name) => name?.endsWith(".json"))) {
      const { rawArgs } = command.parent as Command & { readonly rawArgs: string[] };
      const names = rawArgs.filter((name) => [a, b, samples].includes(name));
      const own = ["json", "csv", "quiet", ...areLogs ? ["samples", ...Object.keys(samplesChecks)] : []];
      const odd = command.options.find((option) =>
        command.getOptionValueSource(option.attributeName()) === "cli" &&
        !own.includes(option.attributeName())
      );
      if (odd || names.length !== 2) {
        misused(command, odd ? `${odd.long} is for models` : "expected two names");
      }
      return await deliver(context, flags, await comparison(context, names, areLogs ? flags : null));
    }
    const isPlanned = DROP_OPTIONS.some((name) => flags[name as keyof DropFlags] !== undefined);
    if (isPlanned === (b !== undefined)) misused(command, "expected two models, or one and a plan");
    const wanted = await wantedOf(flags);
    const options = optionsIn(context, { ...flags, samples }, studies.certify);
    await withModel(context, a, flags, async (first) => {
      const certify = (other: StudyModel | DropPlan) =>
        perform(context, flags, studies.certify, [first, { ...options, other }], shown(context, first.name));
      await (b === undefined ? certify(dropOf(first, wanted)) : withModel(context, b, flags, certify));
    });
  });

/** Two logs of lm-eval, or without options of theirs two profiles. */
async function comparison(context: Context, [a, b]: readonly string[], logs: Flags | null): Promise<Output> {
  if (logs) {
    const options = optionsIn(context, logs, { checks: samplesChecks });
    return outputOf(context, await compareSamples(a, b, options));
  }
  const [first, second] = [await readResult(a, "profile"), await readResult(b, "profile")];
  const compared = compare(first, second);
  const models: [string, string] = [modelOf(first.provenance.model), modelOf(second.provenance.model)];
  const table = () => tableIn(context, [{ ...compared, models } as typeof compared]);
  return { ...outputOf(context, compared), table };
}

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
