/** One study on many machines: `lamina shards COMMAND …`, `lamina shard PLAN`, and how `lamina merge PLAN` goes on. */
import { flag, formatBytes, oneOf, option, required, wholeNumber } from "core/entry/mod.ts";
import type { Command } from "commander";
import process from "node:process";
import { text as allOf } from "node:stream/consumers";
import { computedBy, indexList, processorsOf, receiptOf, receiptsOf, runShard, shardsOf } from "./shard.ts";
import { expectStudy, expectVersion, Misfit, planShards } from "./plan.ts";
import { slurmScript } from "./slurm.ts";
import { checkFolder } from "core/disk/mod.ts";
import {
  type AnyKind,
  merge,
  parseResult,
  readResult,
  type Receipt,
  resultText,
  type Shards,
  shardsKind,
} from "core/result/mod.ts";
import { formatSeconds } from "core/show/words/numbers.ts";
import type { Context } from "core/command/context.ts";
import { Exit } from "core/command/signals.ts";
import { declared } from "core/command/declare.ts";
import { ENDED } from "core/command/help.ts";
import { type Flags, resultsOption } from "core/command/options.ts";
import { misused } from "core/command/relations.ts";
import { divisible, flawInLine, type Sharing } from "core/command/sharing.ts";
import { perplexityKind } from "../../features/losses/mod.ts";
import { profileKind } from "../../features/profile/mod.ts";
import { outOptions } from "core/command/destination.ts";
import { deliver, outputOf, piped } from "core/command/outlet.ts";

/** Runs a command line in a context: the whole program, which knows all commands. */
export type RunLine = (context: Context, line: readonly string[]) => Promise<void>;

const SCRIPTS = { slurm: slurmScript } as const;
const MERGING = [profileKind, perplexityKind] as const;
/** Where the index of a shard is found if it is not given, in this order. */
const INDEX_VARIABLES = ["SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX", "LAMINA_SHARD"] as const;
/** Exit codes: a retry is of no use, shards are missing, a retry will help. */
const [NEVER, MISSING, AGAIN] = [2, 3, 75];
const SIGTERM = 143;

interface ShardsFlags {
  readonly parts: number;
  readonly script?: keyof typeof SCRIPTS;
  readonly cost?: boolean;
}

export const shardsCommand = (context: Context, run: RunLine): Command =>
  declared({
    name: "shards",
    says: `divide a study into shards for many machines, and print the plan as JSON (${
      divisible().join(", ")
    })`,
    takes: { "<command...>": "the command of the study, as you would run it on one machine" },
    options: {
      parts: option(required(wholeNumber(1)), "<n> number of shards (per stage, if the study has several)"),
      cost: option(flag, "number the shards of a stage by cost, most expensive first"),
      script: option(oneOf(Object.keys(SCRIPTS)), "<scheduler> print a job script that contains the plan"),
    },
    example: "shards profile smollm2-135m --samples 64 --parts 8 > plan.json",
  }, async (line: string[], { parts, script, cost: byCost = false }: ShardsFlags, command: Command) => {
    const flaw = flawInLine(line);
    if (flaw !== null) misused(command, flaw);
    let plan: Shards | undefined;
    let units = "";
    const sharing: Sharing = {
      parts,
      engine: null,
      take(division) {
        plan = planShards(division, { command: line, parts, byCost });
        const [most] = division.stages.toSorted((a, b) => b.costs.length - a.costs.length);
        if (most.costs.length < parts) units = `, no more, since it has ${most.costs.length} (${most.unit})`;
        return Promise.resolve(true);
      },
    };
    await run({ ...context, sharing }, line);
    if (!plan) throw new Error("Cannot divide this study");
    context.write((script ? SCRIPTS[script](plan) : resultText(plan, 1)).trimEnd());
    const { label, shards } = plan;
    context.notice(`${label}: ${shards.length} ${shards.length === 1 ? "shard" : "shards"}${units}`);
  }).usage("--parts <n> COMMAND …").allowUnknownOption();

export const shardCommand = (context: Context, run: RunLine): Command =>
  declared({
    name: "shard",
    says: "compute one shard of a plan and keep its results",
    takes: { "<plan>": "plan from `lamina shards` (- for stdin)" },
    options: {
      index: option(wholeNumber(0), "<i> number of the shard", `$${INDEX_VARIABLES.join(", $")}`),
      ...resultsOption(),
    },
    example: "shard plan.json --index 0",
    codes: [
      [String(NEVER), "wrong usage, version, model or text: do not retry"],
      [String(AGAIN), "stopped by SIGTERM: retry; finished work is kept"],
      [ENDED, "stopped by a closed terminal or Ctrl-C; SIGTERM between shards"],
    ],
  }, async (file: string, { index, results }: { readonly index?: number; readonly results: string }) => {
    try {
      const plan = await readGiven(file, shardsKind);
      await ofPlan(file, async () => {
        expectPlan(plan);
        const shard = plan.shards[indexOf(plan, index)];
        const label = `shard ${shard.index} of ${plan.shards.length}, ${plan.label}, ${shard.name}`;
        if (await receiptOf(plan, shard, results)) return context.notice(`${label}: done before`);
        await checkFolder(results);
        const sharing: Sharing = {
          parts: plan.parts,
          engine: "own",
          async take(division, options) {
            context.notice(`${label}: ${logOf(await runShard(plan, shard, division, options))}`);
            return true;
          },
        };
        await run({ ...context, sharing }, [...plan.command, "--results", results]);
      });
    } catch (error) {
      const { message } = error as Error;
      if (context.signal.aborted) {
        throw context.ending()?.code === SIGTERM ? new Exit(AGAIN, "Ended by SIGTERM; run it again") : error;
      }
      const never = [Misfit, TypeError, RangeError, SyntaxError].some((kind) => error instanceof kind);
      throw never ? new Exit(NEVER, message, { cause: error }) : error;
    }
  });

/** Runs with a plan; errors of one that does not fit name its file. */
async function ofPlan(file: string, use: () => Promise<void>): Promise<void> {
  try {
    await use();
  } catch (error) {
    if (error instanceof Misfit) error.message = `Cannot use the plan ${nameOf(file)}: ${error.message}`;
    throw error;
  }
}

/** Throws where the plan is another version's, or its command is not that of a study that can be divided. */
function expectPlan(plan: Shards): void {
  expectVersion(plan);
  const flaw = flawInLine(plan.command);
  if (flaw !== null) throw new Misfit(`in its command, ${flaw}`);
}

function logOf({ host, processor, computed, seconds, peakBytes, made, files }: Receipt): string {
  const { engine, device } = computed;
  const price = `${formatSeconds(seconds)}, ${formatBytes(peakBytes)}`;
  return `${price}, ${made} of ${files.length} results computed, ` +
    `${host} (${processor}), ${engine}${device === undefined ? "" : ` (${device})`}`;
}

function indexOf({ shards }: Shards, given: number | undefined): number {
  const name = INDEX_VARIABLES.find((name) => process.env[name]);
  const text = given === undefined && name ? process.env[name]! : String(given);
  const index = /^\d+$/.test(text) ? Number(text) : NaN;
  if (index in shards) return index;
  const where = given === undefined && name ? `$${name}` : "--index";
  const found = text === "undefined"
    ? `not given, and none of $${INDEX_VARIABLES.join(", $")} set`
    : `"${text}"`;
  throw new RangeError(`Cannot choose a shard: ${where} is ${found}, expected 0 to ${shards.length - 1}`);
}

/** A result that a command is given: a file, or "-" for standard input. */
async function readGiven<const Kinds extends readonly AnyKind[]>(file: string, ...kinds: Kinds) {
  if (file !== "-") return await readResult(file, ...kinds);
  return parseResult(nameOf(file), await allOf(process.stdin), ...kinds);
}

const nameOf = (file: string) => file === "-" ? "standard input" : file;

type MergeFlags = { readonly results: string; readonly missing?: boolean; readonly strict?: boolean };

/** Merges a plan's shards: the undivided study's command line, run from what they kept, delivers its own result. */
async function mergeShards(
  context: Context,
  run: RunLine,
  plan: Shards,
  { results, missing: listed, strict }: MergeFlags,
  out: readonly string[],
): Promise<void> {
  expectPlan(plan);
  const { done, missing } = await receiptsOf(plan, results);
  const lacking = missing.map(({ index }) => index);
  if (lacking.length > 0) return tellMissing(context, plan, lacking, results, listed);
  const engine = { computed: computedBy(done) };
  const processors = [...processorsOf(done)].map(([name, own]) => `${name}: shards ${indexList(own)}`);
  if (processors.length > 1 && !listed) {
    const found = `the shards ran on different processors, whose last digits may differ (${
      processors.join("; ")
    })`;
    if (strict) throw new TypeError(`Cannot merge ${plan.label}: ${found}, expected one with --strict`);
    context.notice(found);
  }
  const sharing: Sharing = {
    parts: plan.parts,
    engine,
    async take(division, options) {
      expectStudy(plan, division);
      // Receipts say what ran; what was kept says what is there.
      const found = await division.missing(options);
      if (found || listed) tellMissing(context, plan, found ? shardsOf(plan, found) : [], results, listed);
      return listed === true;
    },
  };
  await run({ ...context, sharing }, [...plan.command, "--results", results, ...out]);
}

/** Prints the missing shards of a plan where they are asked for, and refuses to merge without them. */
function tellMissing(
  context: Context,
  { label, shards }: Shards,
  missing: readonly number[],
  results: string,
  isListed = false,
): void {
  const list = indexList(missing);
  if (isListed) return context.write(list);
  const are = missing.length === 1 ? "is" : "are";
  throw new Exit(
    MISSING,
    `Cannot merge ${label}: ${missing.length} of ${shards.length} shards ${are} missing in ${results}: ${list}; ` +
      `compute them with lamina shard PLAN --index I --results ${results}`,
  );
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
    const [plan] = files.length === 1 ? [await readGiven(files[0], shardsKind, ...MERGING)] : [];
    if (plan?.kind === "shards") {
      return await ofPlan(files[0], () => mergeShards(context, run, plan, flags, outLine(flags)));
    }
    const ofPlans = (["missing", "strict"] as const).find((flag) => flags[flag]);
    if (ofPlans) {
      misused(command, `--${ofPlans} is for a plan, as \`lamina shards\` prints one`);
    }
    const whole = merge(await Promise.all(files.map((file) => readResult(file, ...MERGING))), files);
    await deliver(context, piped(flags), { ...outputOf(context, whole), json: () => resultText(whole) });
  });

function outLine(flags: Flags): string[] {
  const { json, csv } = piped(flags);
  return [...json === undefined ? [] : ["--json", json], ...csv === undefined ? [] : ["--csv", csv]];
}
