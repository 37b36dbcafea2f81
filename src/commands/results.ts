/** Commands over results that are there already: plan, compare, merge. */
import { Command, Option } from "commander";
import { merge, readResult, resultText, writeResult } from "../result/mod.ts";
import { comparisonTable, planTable } from "../show/mod.ts";
import { compare, makePlan, type Order, type Target } from "../study/mod.ts";
import type { Context } from "./context.ts";
import { wholeNumber } from "./options.ts";
import { deliver, isStandardOutput } from "./outlet.ts";
import { TARGETS } from "./studies.ts";

const ORDERS: readonly Order[] = ["importance", "magnitude", "random", "deepest"];

export function planCommand(context: Context): Command {
  return new Command("plan")
    .description("which modules to drop, from a profile; prints the plan as JSON")
    .argument("<profile>", "result of `lamina profile --json`")
    .addOption(new Option("--target <kind>", "what to drop").choices([...TARGETS]).makeOptionMandatory())
    .requiredOption("--drop <n>", "how many modules", wholeNumber(0))
    .addOption(new Option("--by <order>", "what orders them").choices([...ORDERS]).default("importance"))
    .option("--seed <n>", "seed of a random order", wholeNumber(0), 0)
    .option("--table", "print a table instead of JSON", false)
    .option("--json <file>", "write the plan to a file")
    .action(async (
      file: string,
      { target, drop, by, seed, table, json }: {
        target: Target;
        drop: number;
        by: Order;
        seed: number;
        table: boolean;
        json?: string;
      },
    ) => {
      const plan = makePlan(await readResult(file, "profile"), { target, drop, by, seed });
      if (json && !isStandardOutput(json)) await writeResult(json, plan);
      else if (table) context.print(planTable(plan, context.look));
      else context.write(resultText(plan).trimEnd());
    });
}

export function compareCommand(context: Context): Command {
  return new Command("compare")
    .description("how alike two profiles rank the modules")
    .argument("<a>", "a profile")
    .argument("<b>", "another")
    .option("--json <file>", "write the comparison as JSON (- for standard output)")
    .action(async (a: string, b: string, { json }: { json?: string }) => {
      const comparison = compare(await readResult(a, "profile"), await readResult(b, "profile"));
      await deliver(context, json, comparison, () => comparisonTable(comparison, context.look));
    });
}

export function mergeCommand(context: Context): Command {
  return new Command("merge")
    .description("join shards of one profile or perplexity (made with --skip) exactly")
    .argument("<results...>", "results, in any order")
    .option("--json <file>", "where to write the whole (standard output where not said)")
    .action(async (files: string[], { json }: { json?: string }) => {
      const parts = await Promise.all(files.map((file) => readResult(file, "profile", "perplexity")));
      const whole = merge(parts, files);
      if (json && !isStandardOutput(json)) await writeResult(json, whole);
      else context.write(resultText(whole).trimEnd());
    });
}
