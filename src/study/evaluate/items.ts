/** Runs the parts of tasks: what a model makes of each document under each plan. */
import type { Engine } from "../../engine/mod.ts";
import type { TaskPart } from "../../result/mod.ts";
import { type DropPlan, type RequestScore, scoreRequests } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { beforeStops, type Outcome, scoreDocument } from "../../tasks/mod.ts";
import { type AskedDocument, type Part, WRITTEN } from "./asked.ts";
import { continued } from "./continued.ts";

/** What came of one document. */
export type Item = TaskPart["items"][number];

/** What runs a part. */
export interface PartOptions {
  readonly model: StudyModel;
  readonly engine: Engine;
  /** The full model first. */
  readonly plans: readonly DropPlan[];
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** The items of a part, by plan. */
export function runPart(part: Part, options: PartOptions): Promise<Item[][]> {
  return part.setting.task.generation ? writePart(part, options) : scorePart(part, options);
}

async function scorePart(part: Part, options: PartOptions): Promise<Item[][]> {
  const requests = part.documents.flatMap(({ requests }) => requests);
  const scores = await scoreRequests({ ...options, requests });
  return scores.map((own) => {
    let next = 0;
    return part.documents.map((asked) => {
      const scored = own.slice(next, next += asked.requests.length);
      return itemOf(part, asked, scored, null);
    });
  });
}

async function writePart(part: Part, options: PartOptions): Promise<Item[][]> {
  const items: Item[][] = [];
  let done = 0;
  for (const plan of options.plans) {
    const texts = await writeAll(part, plan, options, () => {
      options.onProgress?.(++done, options.plans.length * part.documents.length);
    });
    items.push(part.documents.map((asked, i) => itemOf(part, asked, [], texts[i])));
  }
  return items;
}

/** The texts that greedy decoding writes after each prompt. */
async function writeAll(
  { setting: { task }, documents }: Part,
  plan: DropPlan,
  options: PartOptions,
  onDone: () => void,
): Promise<string[]> {
  const tokenizer = await options.model.tokenizer();
  const { stops } = task.generation!;
  const eos = tokenizer.eos === null ? [] : [tokenizer.decode([tokenizer.eos])];
  const textOf = (ids: readonly number[]) =>
    tokenizer.decode(ids.filter((id) => !tokenizer.specials.has(id)));
  const isOver = (ids: readonly number[]) => {
    const text = textOf(ids);
    return stops.some((stop) => text.includes(stop));
  };
  const prompts = documents.map(({ requests: [{ input }] }) => input);
  const written = await continued(prompts, plan, WRITTEN, { ...options, isOver, onDone });
  return written.map((ids) => beforeStops(textOf(ids), [...stops, ...eos]));
}

function itemOf(
  { setting: { task } }: Part,
  { document, requests, cut }: AskedDocument,
  scored: readonly RequestScore[],
  text: string | null,
): Item {
  const outcome: Outcome = {
    logLikelihoods: scored.map(({ logLikelihood }) => logLikelihood),
    greedy: scored.map(({ greedy }) => greedy),
    text: text ?? "",
  };
  const sum = (key: "kl" | "agreeing") => scored.reduce((total, score) => total + score[key], 0);
  return {
    index: document.index,
    hash: document.promptHash,
    loglikelihoods: [...outcome.logLikelihoods],
    greedy: [...outcome.greedy],
    tokens: text === null ? requests.map(({ targets }) => targets.length) : [],
    ...scoreDocument(task, document, outcome),
    gold: typeof document.gold === "number" && requests.length > 1 ? document.gold : null,
    text,
    kl: sum("kl"),
    top1: sum("agreeing"),
    cut,
  };
}
