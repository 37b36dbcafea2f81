/**
 * Runs the parts of an evaluation, under each plan what is not kept from an earlier run: a part whose choices are scored is kept whole, of
 * one whose answers are written every document as it is done. Nothing that is kept is made again, but for one thing: beside each plan
 * that lacks a part the full model runs too, with whose predictions it is compared token by token.
 */
import { phases, within } from "../../entry/mod.ts";
import type { Provenance } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import { reporter, tellReused } from "../base/options.ts";
import { type Part, type Running, WRITTEN } from "./asked.ts";
import { type Writer, writer, WRITING } from "./continued.ts";
import { type Item, scorePart, writeItem } from "./items.ts";
import { type Kept, keptItems } from "./kept.ts";

/** What runs parts. */
export interface PartsOptions extends Running {
  /** The full model first. */
  readonly plans: readonly DropPlan[];
}

/** A part under a plan. */
interface Done {
  readonly part: Part;
  readonly items: readonly Item[];
  readonly origin: Provenance;
}

/** What came of the parts, by plan. */
export async function runParts(parts: readonly Part[], options: PartsOptions): Promise<Done[][]> {
  const { model, plans } = options;
  const [scored, written] = [parts.filter((part) => !isWritten(part)), parts.filter(isWritten)];
  const weights = [
    ...scored.map(({ tokens }) => tokens * plans.length),
    ...plans.flatMap(() => written.map(({ tokens }) => tokens * WRITING)),
  ];
  const phase = phases(`evaluation of ${model.name}`, weights, options.onProgress);
  const all = plans.map(() => new Map<Part, Kept<Item>>());
  let whole = 0;
  let step = 0;

  async function open(part: Part, plan: number): Promise<Kept<Item>> {
    const kept = await keptItems(part, plans[plan], options);
    if (kept.made.length === part.documents.length) whole++;
    all[plan].set(part, kept);
    return kept;
  }

  for (const part of scored) {
    const kept = await Promise.all(plans.map((_, plan) => open(part, plan)));
    await score(part, kept, within(options, phase(step++)));
  }
  for (const [index, plan] of plans.entries()) {
    const opened = writer(plan, WRITTEN, options);
    try {
      for (const part of written) {
        await write(part, await open(part, index), opened, within(options, phase(step++)));
      }
    } finally {
      await opened.release();
    }
  }
  if (whole > 0) {
    const count = parts.length * plans.length;
    tellReused(options, `evaluation of ${model.name}`, `${whole} of ${count} parts`);
  }
  return all.map((own) =>
    parts.map((part) => ({ part, items: own.get(part)!.made, origin: own.get(part)!.origin }))
  );
}

const isWritten = ({ setting: { task } }: Part) => task.generation !== undefined;

/** Scores a part under the plans that lack it. */
async function score(part: Part, kept: readonly Kept<Item>[], options: PartsOptions): Promise<void> {
  const lacking = [...kept.keys()].filter((plan) => kept[plan].made.length === 0);
  if (lacking.length === 0) return;
  const run = [...new Set([0, ...lacking])];
  const plans = run.map((plan) => options.plans[plan]);
  const onProgress = reporter(part.setting.task.name, "modules", options);
  const made = await scorePart(part, plans, options, onProgress);
  for (const plan of lacking) await kept[plan].add(made[run.indexOf(plan)]);
}

/** Writes what is lacking of a part's answers. */
async function write(part: Part, kept: Kept<Item>, opened: Writer, options: PartsOptions): Promise<void> {
  const { documents, setting } = part;
  const report = reporter(setting.task.name, "documents", options);
  for (let next = kept.made.length; next < documents.length; next++) {
    await kept.add([await writeItem(part, documents[next], opened, options)]);
    report(next + 1, documents.length);
  }
}
