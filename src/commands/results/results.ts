/** Commands over results that are there already: plan, compare, merge. */
import { Command } from "commander";
import { flag, option, related } from "../../entry/mod.ts";
import { merge, readResult, resultText } from "../../result/mod.ts";
import { lastText, modelOf } from "../../show/mod.ts";
import { compare, makePlan, planChecks } from "../../study/mod.ts";
import { type Context, optionsIn, tableIn } from "../shared/context.ts";
import { explained } from "../shared/help.ts";
import { randomAmong, withResultsFlag } from "../shared/options.ts";
import { type OutFlags, withOutFlags } from "../shared/destination.ts";
import { relate, withOptions } from "../shared/relations.ts";
import { deliver, outputOf } from "../shared/outlet.ts";
import { type MergeFlags, mergeShards, ofPlan, readGiven, type RunLine } from "../machines/shards.ts";

export function planCommand(context: Context): Command {
  const command = new Command("plan")
    .description("choose modules to drop, from a profile or an order")
    .argument("<file>", "file from `lamina profile --json` or `lamina order --json`");
  explained(command, "plan profile.json --target attention --drop 8 > plan.json");
  withOptions(command, { ...planChecks, table: option(flag, "print a table instead of JSON") });
  relate(command, { seed: { needs: randomAmong(false) } });
  return withOutFlags(command).action(
    async (file: string, flags: OutFlags & { readonly table?: boolean }) => {
      const misused = (what: string) => command.error(`error: ${what}`, { exitCode: 2 });
      const options = optionsIn(context, flags, { checks: planChecks });
      const { target, drop, parameters, kvBytes } = options;
      const amounts = [drop, parameters, kvBytes].filter((amount) => amount !== undefined);
      if (amounts.length !== 1) misused("expected one of --drop, --parameters and --kv-bytes");
      const result = await readResult(file, "profile", "order");
      if (result.kind === "profile" && !target) misused("a plan from a profile needs --target");
      const plan = makePlan(result, options);
      if (result.kind === "profile" && plan.last && plan.order.length > 0) {
        context.notice(
          `last go ${
            lastText(plan.last)
          }; this is what the profile shows, \`lamina order MODEL --target ${target} --upto ${plan.order.length}\` checks by removals`,
        );
      }
      await deliver(context, flags.table ? flags : piped(flags), {
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
    );
  withOptions(command, {
    missing: related(
      option(flag, "only list the missing shards of a plan, in the format of Slurm's --array"),
      { excludes: ["strict", "json", "csv"] },
    ),
    strict: option(flag, "refuse shards of a plan that ran on different processors"),
  });
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

function outLine(flags: OutFlags): string[] {
  const { json, csv } = piped(flags);
  return [...json === undefined ? [] : ["--json", json], ...csv === undefined ? [] : ["--csv", csv]];
}

/** Where data go that no flag sends elsewhere: into the next program. */
function piped(flags: OutFlags): OutFlags {
  return flags.json === undefined && flags.csv === undefined ? { json: "-" } : flags;
}
