/** Commands over results that are there already: plan, compare, merge. */
import { Command, Option } from "commander";
import { merge, readResult, resultText } from "../result/mod.ts";
import {
  comparisonRows,
  comparisonTable,
  modelOf,
  perplexityRows,
  perplexityTable,
  planRows,
  planTable,
  profileRows,
} from "../show/mod.ts";
import { compare, makePlan, type Order, type Target } from "../study/mod.ts";
import { type Context, markedProfile } from "./context.ts";
import { explained } from "./help.ts";
import { wholeNumber } from "./options.ts";
import { type OutFlags, withOutFlags } from "./destination.ts";
import { deliver, type Output, outputOf } from "./outlet.ts";
import { TARGETS } from "./studies.ts";

const ORDERS: readonly Order[] = ["importance", "magnitude", "random", "deepest"];

/** What `lamina plan` is told. */
interface PlanFlags extends OutFlags {
  target: Target;
  drop: number;
  by: Order;
  seed: number;
  table: boolean;
}

export function planCommand(context: Context): Command {
  const command = new Command("plan")
    .description("choose which modules to drop, from a profile; prints the plan as JSON")
    .argument("<profile>", "result of `lamina profile --json`")
    .addOption(new Option("--target <kind>", "what to drop").choices([...TARGETS]).makeOptionMandatory())
    .requiredOption("--drop <n>", "number of modules to drop", wholeNumber(0))
    .addOption(new Option("--by <order>", "what orders them").choices([...ORDERS]).default("importance"))
    .option("--seed <n>", "random seed of the random order", wholeNumber(0), 0)
    .option("--table", "print a table instead of JSON", false);
  explained(command, "plan profile.json --target attention --drop 8 > plan.json");
  return withOutFlags(command).action(
    async (file: string, { target, drop, by, seed, table, ...out }: PlanFlags) => {
      const plan = makePlan(await readResult(file, "profile"), { target, drop, by, seed });
      await deliver(context, table ? out : piped(out), {
        ...outputOf(plan, { table: () => planTable(plan, context.look), rows: () => planRows(plan) }),
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
    const table = () => comparisonTable({ ...comparison, models }, context.look);
    await deliver(context, flags, outputOf(comparison, { table, rows: () => comparisonRows(comparison) }));
  });
}

export function mergeCommand(context: Context): Command {
  const command = new Command("merge")
    .description("join shards of one profile or perplexity, made with --skip, exactly; prints JSON")
    .argument("<results...>", "their results as JSON, in any order");
  explained(command, "merge first.json second.json --json whole.json");
  return withOutFlags(command).action(async (files: string[], flags: OutFlags) => {
    const parts = await Promise.all(files.map((file) => readResult(file, "profile", "perplexity")));
    const whole = merge(parts, files);
    const shown: Omit<Output, "json"> = whole.kind === "profile"
      ? { table: () => markedProfile(context, whole), rows: () => profileRows(whole) }
      : { table: () => perplexityTable([whole], context.look), rows: () => perplexityRows([whole]) };
    await deliver(context, piped(flags), { ...shown, json: () => resultText(whole) });
  });
}

/** Where data go that no flag sends elsewhere: into the next program. */
function piped(flags: OutFlags): OutFlags {
  return flags.json === undefined && flags.csv === undefined ? { json: "-" } : flags;
}
