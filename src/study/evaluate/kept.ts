/** What is kept of an evaluation between runs: the items of a part under a plan, and what a plan wrote. */
import { head, keep, keptResult, type Provenance, type TaskPart } from "../../result/mod.ts";
import type { DropPlan } from "../../run/mod.ts";
import type { Packed } from "../../subject/mod.ts";
import { provenance } from "../base/options.ts";
import { contextLength, type Part, type Running } from "./asked.ts";
import type { Item } from "./items.ts";

/** What is there so far. */
export interface Kept<T> {
  readonly origin: Provenance;
  readonly made: readonly T[];
  /** Adds to it; what is given then is as it will be read back. */
  add(more: readonly T[]): Promise<void>;
}

/** The items of a part under a plan. */
export async function keptItems(part: Part, plan: DropPlan, options: Running): Promise<Kept<Item>> {
  const { task, shots, bos, seed } = part.setting;
  const setting = { name: task.name, version: task.version, shots, bos, seed };
  const origin = await partOrigin(part, plan, options);
  const key = { ...origin, task: setting };
  return kept(origin, (await keptResult("task", key, options))?.items, async (items) => {
    const result: TaskPart = { ...head("task"), provenance: origin, task: setting, items: [...items] };
    return (await keep("task", key, result, options)).items;
  });
}

/** What a plan writes after the blocks of a text, `tokens` at most. */
export async function keptTexts(
  packed: Pick<Packed, "text" | "packing">,
  tokens: number,
  plan: DropPlan,
  options: Running,
): Promise<Kept<number[]>> {
  const origin = await provenance(options.model, packed, plan, options);
  const key = { ...origin, tokens };
  return kept(origin, (await keptResult("written", key, options))?.texts, async (texts) => {
    const result = { ...head("written"), provenance: origin, tokens, texts: [...texts] };
    return (await keep("written", key, result, options)).texts;
  });
}

function kept<T>(
  origin: Provenance,
  found: readonly T[] = [],
  keepAll: (made: readonly T[]) => Promise<readonly T[]>,
): Kept<T> {
  let made = found;
  return {
    origin,
    get made() {
      return made;
    },
    async add(more) {
      made = await keepAll([...made, ...more]);
    },
  };
}

/** What the numbers of a part depend on: its tokens say all about rows, shots and BOS. */
async function partOrigin(part: Part, plan: DropPlan, options: Running): Promise<Provenance> {
  const { task, bos } = part.setting;
  const { model, engine } = options;
  const tokenizer = await model.tokenizer();
  const text = { name: task.name, hash: part.hash };
  const packing = {
    samples: part.documents.length,
    length: contextLength(model.config),
    skip: part.first,
    bos: bos === "always" || bos === "tokenizer" && tokenizer.addsBos,
  };
  return await provenance(model, { text, packing }, plan, { engine });
}
