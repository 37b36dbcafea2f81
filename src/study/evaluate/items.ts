/** Runs the parts of tasks: what a model makes of each document under each plan. */
import type { Engine } from "../../engine/mod.ts";
import type { TaskPart } from "../../result/mod.ts";
import { decoder, type DropPlan, type RequestScore, sampler, scoreRequests } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { beforeStops, type Outcome, scoreDocument } from "../../tasks/mod.ts";
import { endsOf } from "../generate.ts";
import { type AskedDocument, type Part, WRITTEN } from "./asked.ts";

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

/** Greedy decoding from each prompt. */
async function writeAll(
  { setting: { task }, documents }: Part,
  plan: DropPlan,
  { model, engine, signal }: PartOptions,
  onDone: () => void,
): Promise<string[]> {
  const tokenizer = await model.tokenizer();
  const { stops } = task.generation!;
  const ends = endsOf(model, tokenizer);
  const next = sampler({ temperature: 0, topP: 1, seed: 0 });
  const textOf = (ids: readonly number[]) =>
    tokenizer.decode(ids.filter((id) => !tokenizer.specials.has(id)));
  const opened = await decoder({ model, engine, plan, signal });
  const eos = tokenizer.eos === null ? [] : [tokenizer.decode([tokenizer.eos])];
  try {
    const texts: string[] = [];
    for (const { requests: [{ input }] } of documents) {
      const ids: number[] = [];
      let logits = await opened.prefill(Int32Array.from(input));
      while (ids.length < WRITTEN) {
        const id = next(logits.subarray(0, tokenizer.vocabularySize));
        if (ends.has(id)) break;
        ids.push(id);
        const text = textOf(ids);
        if (stops.some((stop) => text.includes(stop)) || ids.length === WRITTEN) break;
        logits = await opened.step(id);
      }
      texts.push(beforeStops(textOf(ids), [...stops, ...eos]));
      onDone();
    }
    return texts;
  } finally {
    await opened.release();
  }
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
    scores: { ...scoreDocument(task, document, outcome) } as Record<string, number>,
    gold: typeof document.gold === "number" && requests.length > 1 ? document.gold : null,
    text,
    kl: sum("kl"),
    top1: sum("agreeing"),
    cut,
  };
}
