/** What a model makes of the documents of a part, and greedy decoding of many prompts by one decoder. */
import { sum } from "core/entry/mod.ts";
import { head, isEarlier, keep, keptResult, type Provenance } from "core/result/mod.ts";
import { taskKind, type TaskPart, writtenKind } from "./result.ts";
import type { DropPlan } from "core/run/mod.ts";
import { type Decoder, decoder } from "core/run/decode/mod.ts";
import { type RequestScore, scoreRequests } from "core/run/requests/mod.ts";
import { beforeStops, type Outcome, scoreDocument } from "core/tasks/mod.ts";
import { type AskedDocument, contextLength, type Part, type Running } from "./asked.ts";
import type { Beside } from "./beside.ts";
import { decoded, endsOf } from "../generate/mod.ts";
import { engineOf, provenance } from "core/study/options.ts";

export type Item = TaskPart["items"][number];

/** The items of a part whose choices are scored, by plan, the full model's first. */
export async function scorePart(
  part: Part,
  plans: readonly DropPlan[],
  { beside, ...options }: Running & { readonly beside?: Beside | undefined },
  onProgress: (done: number, total: number) => void,
): Promise<Item[][]> {
  const requests = part.documents.flatMap(({ requests }) => requests);
  const reference = beside?.over(part);
  const { model, signal } = options;
  const run = { model, engine: await engineOf(options), signal, plans, requests, reference };
  return (await scoreRequests({ ...run, onProgress })).map((own) => {
    let next = 0;
    return part.documents.map((asked) => {
      return itemOf(part, asked, own.slice(next, next += asked.requests.length), null);
    });
  });
}

/** The item of a document of a part whose answers are written. */
export async function writeItem(part: Part, asked: AskedDocument, { write }: Writer, { model }: Running) {
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
  return {
    index: document.index,
    hash: document.promptHash,
    loglikelihoods: [...outcome.logLikelihoods],
    greedy: [...outcome.greedy],
    tokens: text === null ? requests.map(({ targets }) => targets.length) : [],
    ...scoreDocument(task, document, outcome),
    gold: typeof document.gold === "number" && requests.length > 1 ? document.gold : null,
    text,
    kl: sum(scored, ({ kl }) => kl),
    top1: sum(scored, ({ agreeing }) => agreeing),
    cut,
  };
}

/** Writing one token takes about as long as reading this number of tokens together. */
export const WRITING = 16;

export type Writer = ReturnType<typeof writer>;

/** Texts of `tokens` at most. The decoder is opened for the first prompt: where all was kept, there is none. */
export function writer(plan: DropPlan, tokens: number, options: Running) {
  const { model, signal } = options;
  let opened: Decoder | undefined;
  return {
    /** The ids that follow a prompt, without the one that ends a text; `isOver` may end it before. */
    async write(prompt: readonly number[], isOver = (_ids: readonly number[]) => false): Promise<number[]> {
      const tokenizer = await model.tokenizer();
      opened ??= await decoder({ model, engine: await engineOf(options), plan, signal });
      const { ids } = await decoded(opened, prompt, {
        tokenizer,
        ends: endsOf(model, tokenizer),
        isOver: (ids) => ids.length === tokens || isOver(ids),
      });
      return ids;
    },
    [Symbol.asyncDispose]: async () => await opened?.release(),
  };
}

export interface Kept<T> {
  readonly origin: Provenance;
  readonly made: readonly T[];
  /** Whether all that was found was there before the command. */
  readonly isEarlier: boolean;
  /** Adds to it; what is given then is as it will be read back. */
  add(more: readonly T[]): Promise<void>;
}

export async function keptItems(part: Part, plan: DropPlan, options: Running): Promise<Kept<Item>> {
  const { task, shots, bos, seed } = part.setting;
  const setting = { name: task.name, version: task.version, shots, bos, seed };
  const { model } = options;
  const tokenizer = await model.tokenizer();
  const packing = {
    samples: part.documents.length,
    length: contextLength(model.config),
    skip: part.first,
    bos: bos === "always" || bos === "tokenizer" && tokenizer.addsBos,
  };
  const text = { name: task.name, hash: part.hash }; // the tokens say all about rows, shots and BOS
  const origin = await provenance(model, { text, packing }, plan, options);
  const key = { ...origin, task: setting };
  const found = await keptResult(taskKind, key, options);
  return kept(origin, found, found?.items, async (items) => {
    const result: TaskPart = { ...head(taskKind), provenance: origin, task: setting, items: [...items] };
    return (await keep(taskKind, result, options)).items;
  });
}

function kept<T>(
  origin: Provenance,
  found: object | null,
  items: readonly T[] = [],
  keepAll: (made: readonly T[]) => Promise<readonly T[]>,
): Kept<T> {
  let made = items;
  return {
    origin,
    isEarlier: found !== null && isEarlier(found),
    get made() {
      return made;
    },
    async add(more) {
      made = await keepAll([...made, ...more]);
    },
  };
}

/** What plans write after each prompt, `tokens` at most, one plan after the other; every text is kept as it is done, and `report` gets their number. */
export async function allContinuations(
  prompts: Pick<Provenance, "text" | "packing"> & { readonly ids: readonly (readonly number[])[] },
  tokens: number,
  { plans, ...options }: Running & { readonly plans: readonly DropPlan[] },
  report?: (done: number, total: number) => void,
): Promise<(readonly number[][])[]> {
  const { ids } = prompts;
  return await Array.fromAsync(plans, async (plan, index) => {
    const origin = await provenance(options.model, prompts, plan, options);
    const key = { ...origin, tokens };
    const found = await keptResult(writtenKind, key, options);
    const own = kept(origin, found, found?.texts, async (texts) => {
      const result = { ...head(writtenKind), provenance: origin, tokens, texts: [...texts] };
      return (await keep(writtenKind, result, options)).texts;
    });
    await using opened = writer(plan, tokens, options);
    for (let next = own.made.length; next < ids.length; next++) {
      options.signal?.throwIfAborted();
      await own.add([await opened.write(ids[next])]);
      report?.(index * ids.length + next + 1, plans.length * ids.length);
    }
    return own.made;
  });
}
