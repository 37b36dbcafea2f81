/** Documents of a task in the place of a text: what searches by loss measure is then the margin of right answers. */
import { sum } from "../../entry/mod.ts";
import { type DropPlan, mean, noDrop } from "../../measure/mod.ts";
import { joinHashes } from "../../result/mod.ts";
import type { Packed, StudyModel } from "../../subject/mod.ts";
import { tasksNamed } from "../../tasks/mod.ts";
import { engineOf, type StudyOptions } from "../base/options.ts";
import type { Text } from "../base/text.ts";
import { askAll, contextLength, inputsOf, type Part, type Setting } from "./asked.ts";
import { expectMargins, marginOf } from "./draw.ts";
import { SHOTS_SEED } from "./evaluate.ts";
import { runParts } from "./parts.ts";

/** Tokens of a document, in prices: those of the shortest tasks. */
const LIKELY = 64;

interface Questions extends Packed {
  readonly parts: readonly Part[];
}

/** The first documents of a task. Throws `RangeError` for an unknown task, and for one whose answers have no margin. */
export function questionsOf(model: StudyModel, name: string, documents: number): Text {
  const settings = tasksNamed(name).map((task): Setting => {
    expectMargins(task);
    return { task, shots: task.shots, limit: documents, skip: 0, bos: "tokenizer", seed: SHOTS_SEED };
  });
  let packed: Promise<Questions> | undefined;
  return {
    sizes: { samples: documents * settings.length, length: LIKELY },
    pack: (reports) => packed ??= asked(model, name, settings, reports),
  };
}

async function asked(
  model: StudyModel,
  name: string,
  settings: readonly Setting[],
  reports: Parameters<Text["pack"]>[0],
): Promise<Questions> {
  const parts = await askAll(model, settings, reports);
  const tokenizer = await model.tokenizer();
  const ids = Int32Array.from(parts.flatMap(inputsOf).flat());
  const packing = {
    samples: sum(parts, ({ documents }) => documents.length),
    skip: 0,
    bos: tokenizer.addsBos,
  };
  return {
    parts,
    text: { name, hash: joinHashes(parts.map(({ hash }) => hash)) },
    packing: { ...packing, length: contextLength(model.config) },
    blocks: { ids, samples: packing.samples, length: Math.ceil(ids.length / packing.samples) },
  };
}

/** The documents where a text is those of a task. */
export const questionsIn = (packed: Packed): readonly Part[] | null =>
  "parts" in packed ? (packed as Questions).parts : null;

/** The mean margin of the right answers under the full model, then under each plan, in nats. */
export async function meanMargins(
  model: StudyModel,
  parts: readonly Part[],
  plans: readonly DropPlan[],
  options: StudyOptions,
): Promise<number[]> {
  const engine = await engineOf(options);
  const done = await runParts(parts, { ...options, model, engine, plans: [noDrop, ...plans] });
  return done.map((own) => mean(own.flatMap(({ items }) => items.map((item) => marginOf("acc", item, [])))));
}
