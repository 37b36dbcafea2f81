/**
 * Runs the parts of an evaluation, under each plan what is not kept from an earlier run: a part whose choices are scored is kept whole, of
 * one whose answers are written every document as it is done. Nothing that is kept is made again, but for one thing: beside each plan
 * that lacks a part the full model runs too, with whose predictions it is compared token by token.
 */
import { phased } from "core/entry/mod.ts";
import type { DropPlan } from "core/run/mod.ts";
import { heldOutChecks, reporter, tellReused } from "core/study/options.ts";
import { type Part, type Running, WRITTEN } from "./asked.ts";
import type { Beside } from "./beside.ts";
import {
  allContinuations,
  type Item,
  type Kept,
  keptItems,
  scorePart,
  writeItem,
  type Writer,
  writer,
  WRITING,
} from "./items.ts";
import { idsByBlock } from "core/text/mod.ts";
import { textOf } from "core/study/text.ts";

export interface PartsOptions extends Running {
  /** The full model first. */
  readonly plans: readonly DropPlan[];
  /** Where the full model's streams stay, which the owner frees; by default, they are freed with each part. */
  readonly beside?: Beside | undefined;
}

/** Parts with their items by plan; a notice says how many an earlier run kept. */
export async function runParts(parts: readonly Part[], options: PartsOptions) {
  const { done, reused } = await askParts(parts, options);
  tellParts(options, reused, parts.length * options.plans.length);
  return done;
}

export function tellParts({ model, ...options }: Running, reused: number, count: number): void {
  if (reused > 0) tellReused(options, `evaluation of ${model.name}`, `${reused} of ${count} parts`);
}

/** The same without the notice: how many parts an earlier run kept. */
export async function askParts(parts: readonly Part[], options: PartsOptions) {
  const { model, plans } = options;
  const [scored, written] = [parts.filter((part) => !isWritten(part)), parts.filter(isWritten)];
  const weights = [
    ...scored.map(({ tokens }) => tokens * plans.length),
    ...plans.flatMap(() => written.map(({ tokens }) => tokens * WRITING)),
  ];
  const at = phased(`evaluation of ${model.name}`, weights, options);
  const all = plans.map(() => new Map<Part, Kept<Item>>());
  let whole = 0;
  let step = 0;

  async function open(part: Part, plan: number): Promise<Kept<Item>> {
    const kept = await keptItems(part, plans[plan], options);
    if (kept.isEarlier && kept.made.length === part.documents.length) whole++;
    all[plan].set(part, kept);
    return kept;
  }

  for (const part of scored) {
    const kept = await Promise.all(plans.map((_, plan) => open(part, plan)));
    await score(part, kept, at(step++));
  }
  for (const [index, plan] of plans.entries()) {
    await using opened = writer(plan, WRITTEN, options);
    for (const part of written) await write(part, await open(part, index), opened, at(step++));
  }
  const done = all.map((own) =>
    parts.map((part) => ({ part, items: own.get(part)!.made, origin: own.get(part)!.origin }))
  );
  return { done, reused: whole };
}

const isWritten = ({ setting: { task } }: Part) => task.generation !== undefined;

async function score(part: Part, kept: readonly Kept<Item>[], options: PartsOptions): Promise<void> {
  const lacking = [...kept.keys()].filter((plan) => kept[plan].made.length === 0);
  if (lacking.length === 0) return;
  const run = [...new Set([0, ...lacking])];
  const plans = run.map((plan) => options.plans[plan]);
  const onProgress = reporter(part.setting.task.name, "modules", options);
  const made = await scorePart(part, plans, options, onProgress);
  for (const plan of lacking) await kept[plan].add(made[run.indexOf(plan)]);
}

async function write(part: Part, kept: Kept<Item>, opened: Writer, options: PartsOptions): Promise<void> {
  const { documents, setting } = part;
  const report = reporter(setting.task.name, "documents", options);
  for (let next = kept.made.length; next < documents.length; next++) {
    await kept.add([await writeItem(part, documents[next], opened, options)]);
    report(next + 1, documents.length);
  }
}

/** Tokens of a prompt, and tokens that are written after it. */
export const PROMPT = 32;
export const TOKENS = 64;
/** Tokens in a row that a text must have had before to count as a repetition. */
const REPEATED = 4;

/** How each plan writes, next to the full model, which is the first, in texts by plan. */
export function writingOf(prompts: number, all: readonly (readonly number[][])[]) {
  return all.map((texts) => ({
    prompts,
    tokens: TOKENS,
    divergence: texts.map((ids, i) => divergence(ids, all[0][i])),
    repetition: texts.map(repetition),
  }));
}

/** The beginnings of held-out blocks, continued greedily by each plan; what is written is kept text by text. */
export async function writeTexts(prompts: number, options: PartsOptions): Promise<(readonly number[][])[]> {
  const report = reporter(`texts of ${options.model.name}`, "texts", options);
  const text = textOf(options.model, { samples: prompts, length: PROMPT }, heldOutChecks);
  const { blocks, ...origin } = await text.pack(options);
  const ids = idsByBlock(blocks).map((ids) => [...ids]);
  return await allContinuations({ ...origin, ids }, TOKENS, options, report);
}

/** The first step at which two texts part; null where they do not. */
function divergence(ids: readonly number[], full: readonly number[]): number | null {
  const longest = Math.max(ids.length, full.length);
  for (let i = 0; i < longest; i++) if (ids[i] !== full[i]) return i;
  return null;
}

/** The share of a text's 4-grams that it had before; 0 for a shorter text. */
function repetition(ids: readonly number[]): number {
  const count = ids.length - REPEATED + 1;
  if (count <= 0) return 0;
  const grams = Array.from({ length: count }, (_, i) => ids.slice(i, i + REPEATED).join(" "));
  return 1 - new Set(grams).size / count;
}
