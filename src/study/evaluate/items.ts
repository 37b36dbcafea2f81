/** What a model makes of the documents of a part. */
import type { TaskPart } from "../../result/mod.ts";
import { type DropPlan, type RequestScore, scoreRequests } from "../../run/mod.ts";
import { beforeStops, type Outcome, scoreDocument } from "../../tasks/mod.ts";
import type { AskedDocument, Part, Running } from "./asked.ts";
import type { Writer } from "./continued.ts";

/** What came of one document. */
export type Item = TaskPart["items"][number];

/** The items of a part whose choices are scored, by plan, the full model's first. */
export async function scorePart(
  part: Part,
  plans: readonly DropPlan[],
  { model, engine, signal }: Running,
  onProgress: (done: number, total: number) => void,
): Promise<Item[][]> {
  const requests = part.documents.flatMap(({ requests }) => requests);
  const scores = await scoreRequests({ model, engine, signal, plans, requests, onProgress });
  return scores.map((own) => {
    let next = 0;
    return part.documents.map((asked) => {
      const scored = own.slice(next, next += asked.requests.length);
      return itemOf(part, asked, scored, null);
    });
  });
}

/** The item of a document of a part whose answers are written. */
export async function writeItem(
  part: Part,
  asked: AskedDocument,
  { write }: Writer,
  { model }: Running,
): Promise<Item> {
  const tokenizer = await model.tokenizer();
  const { stops } = part.setting.task.generation!;
  const eos = tokenizer.eos === null ? [] : [tokenizer.decode([tokenizer.eos])];
  const textOf = (ids: readonly number[]) =>
    tokenizer.decode(ids.filter((id) => !tokenizer.specials.has(id)));
  const ids = await write(asked.requests[0].input, (ids) => {
    const text = textOf(ids);
    return stops.some((stop) => text.includes(stop));
  });
  return itemOf(part, asked, [], beforeStops(textOf(ids), [...stops, ...eos]));
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
  const sum = (key: "kl" | "agreeing" | "accepted") => scored.reduce((total, score) => total + score[key], 0);
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
    accepted: sum("accepted"),
    cut,
  };
}
