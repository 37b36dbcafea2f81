/** Commands over results that are there already: plan, compare, merge. */
import { Command, Option } from "commander";
import { aShare, wholeNumber } from "../../entry/mod.ts";
import { merge, RANKS, readResult, resultText, TARGETS } from "../../result/mod.ts";
import { lastText, modelOf } from "../../show/mod.ts";
import {
  BUDGET_SHARES,
  compare,
  type ConstraintOptions,
  CONTEXT,
  makePlan,
  type PlanOptions,
} from "../../study/mod.ts";
import { type Context, tableIn } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import {
  type ConstraintFlags,
  randomAmong,
  withConstraintFlags,
  withResultsFlag,
  withUnchecked,
} from "../shared/options.ts";
import { type OutFlags, withOutFlags } from "../shared/destination.ts";
import { reads, relate } from "../shared/relations.ts";
import { deliver, outputOf } from "../shared/outlet.ts";
import { type MergeFlags, mergeShards, ofPlan, readGiven, type RunLine } from "../machines/shards.ts";

interface PlanFlags extends OutFlags, ConstraintFlags, Omit<PlanOptions, keyof ConstraintOptions> {
  table: boolean;
}

export function planCommand(context: Context): Command {
  const command = new Command("plan")
    .description(
      "choose which modules to drop, or which attention to keep with a window of its keys, from a profile or an order, and print the plan as JSON",
    )
    .argument("<file>", "file from `lamina profile --json` or `lamina order --json`")
    .addOption(
      new Option("--target <kind>", "kind of module to drop (required for a profile)").choices([...TARGETS]),
    )
    .option("--drop <n>", "number of modules to drop", reads(wholeNumber(0)))
    .option(
      "--parameters <n>",
      "drop until this many parameters are saved, or a share such as 10%",
      reads(aShare(BUDGET_SHARES.parameters)),
    )
    .option(
      "--kv-bytes <n>",
      "drop until this many bytes of KV cache are saved, or a share such as 25%",
      reads(aShare(BUDGET_SHARES.kvBytes)),
    )
    .option(
      "--context <t>",
      `sequence length for --kv-bytes and for the savings of the plan, in tokens (default: ${CONTEXT})`,
      reads(wholeNumber(1)),
    )
    .option(
      "--window <n>",
      "keep the chosen attention with its last n keys instead of dropping it",
      reads(wholeNumber(1)),
    )
    .option(
      "--sinks <n>",
      "first keys of the text that a window keeps besides (default: 4)",
      reads(wholeNumber(0)),
    )
    .addOption(
      new Option("--by <order>", "score that ranks the modules of a profile (default: importance)").choices(
        RANKS,
      ),
    )
    .option("--seed <n>", "seed of the random order (default: 0)", reads(wholeNumber(0)))
    .option("--table", "print a table instead of JSON", false);
  relate(command, { sinks: { needs: "window" }, seed: { needs: randomAmong(false) } });
  withUnchecked(
    command,
    "outsized modules of a profile go last",
  );
  explained(command, "plan profile.json --target attention --drop 8 > plan.json");
  return withOutFlags(withConstraintFlags(command)).action(
    async (file: string, { table, json, csv, neighbours, ...options }: PlanFlags) => {
      const out = { ...json === undefined ? {} : { json }, ...csv === undefined ? {} : { csv } };
      const misused = (what: string) => command.error(`error: ${what}`, { exitCode: 2 });
      const amounts = [options.drop, options.parameters, options.kvBytes].filter((amount) =>
        amount !== undefined
      );
      if (amounts.length !== 1) misused("expected one of --drop, --parameters and --kv-bytes");
      const result = await readResult(file, "profile", "order");
      if (result.kind === "profile" && !options.target) misused("a plan from a profile needs --target");
      const plan = makePlan(result, { ...options, noNeighbours: !neighbours });
      if (result.kind === "profile" && plan.last && plan.order.length > 0) {
        const { target, order: { length } } = plan;
        context.notice(
          `last go ${
            lastText(plan.last)
          }; this is what the profile shows, \`lamina order MODEL --target ${target} --upto ${length}\` checks by removals`,
        );
      }
      await deliver(context, table ? out : piped(out), {
        ...outputOf(context, plan),
        json: () => resultText(plan),
      });
    },
  );
}

export function compareCommand(context: Context): Command {
  const command = new Command("compare")
    .description("show how alike two profiles rank the modules")
    .argument("<a>", "result of `lamina profile --json`")
    .argument("<b>", "another one");
  explained(command, "compare stories.json wiki.json");
  return withOutFlags(command).action(async (a: string, b: string, flags: OutFlags) => {
    const [first, second] = [await readResult(a, "profile"), await readResult(b, "profile")];
    const comparison = compare(first, second);
    const models: [string, string] = [modelOf(first.provenance.model), modelOf(second.provenance.model)];
    const shown = { ...comparison, models };
    const table = () => tableIn(context, [shown]);
    await deliver(context, flags, { ...outputOf(context, comparison), table });
  });
}

export function mergeCommand(context: Context, run: RunLine): Command {
  const command = new Command("merge")
    .description("merge shards into the exact result of the whole study, and print it as JSON")
    .argument(
      "<files...>",
      "a plan from `lamina shards` (- for stdin), or profiles or perplexities made with --skip, in any order",
    )
    .option("--missing", "only list the missing shards of a plan, in the format of Slurm's --array", false)
    .option("--strict", "refuse shards of a plan that ran on different processors", false);
  relate(command, { missing: { excludes: ["strict", "json", "csv"] } });
  explained(command, "merge plan.json --json whole.json", [["3", "shards are missing"]]);
  return withOutFlags(withResultsFlag(command)).action(
    async (files: string[], flags: OutFlags & MergeFlags) => {
      const [plan] = files.length === 1 ? [await readGiven(files[0], "shards", "profile", "perplexity")] : [];
      if (plan?.kind === "shards") {
        return await ofPlan(files[0], () => mergeShards(context, run, plan, flags, outLine(flags)));
      }
      const ofPlans = (["missing", "strict"] as const).find((flag) => flags[flag]);
      if (ofPlans) {
        throw new TypeError(
          `Cannot merge results with --${ofPlans}: it is for a plan, as \`lamina shards\` prints one`,
        );
      }
      const parts = await Promise.all(files.map((file) => readResult(file, "profile", "perplexity")));
      const whole = merge(parts, files);
      await deliver(context, piped(flags), { ...outputOf(context, whole), json: () => resultText(whole) });
    },
  );
}

/** Where data go, as a command line. */
function outLine(flags: OutFlags): string[] {
  const { json, csv } = piped(flags);
  return [...json === undefined ? [] : ["--json", json], ...csv === undefined ? [] : ["--csv", csv]];
}

/** Where data go that no flag sends elsewhere: into the next program. */
function piped(flags: OutFlags): OutFlags {
  return flags.json === undefined && flags.csv === undefined ? { json: "-" } : flags;
}
