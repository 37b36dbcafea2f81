/** Evaluations, divided by documents: by the parts that an evaluation keeps, its shots drawn for all documents before; and texts by plan. */
import type { DropPlan } from "../../run/mod.ts";
import type { StudyModel } from "../../subject/mod.ts";
import { BASE_BYTES } from "../estimate.ts";
import { distinctPlans, type EvaluateOptions, piecesOf } from "../evaluate/evaluate.ts";
import { runParts } from "../evaluate/parts.ts";
import { partFlops, readBytes, textFlops, writeBytes } from "../evaluate/price.ts";
import { writeTexts } from "../evaluate/writing.ts";
import { engineOf } from "../options.ts";
import type { Division } from "./division.ts";

/** `evaluate`, divided. */
export async function evaluateShards(
  model: StudyModel,
  plans: readonly DropPlan[],
  options: EvaluateOptions,
): Promise<Division> {
  const { parts, prompts } = await piecesOf(model, options);
  const distinct = distinctPlans(plans);
  const writers = prompts > 0 ? distinct : [];
  const tokenizer = await model.tokenizer();
  return {
    label: `evaluation of ${model.name}`,
    model: model.identity,
    depends: {
      model: model.identity,
      tokenizer: tokenizer.fingerprint,
      tasks: parts.map(({ hash }) => hash),
      plans: distinct,
      prompts,
    },
    stages: [{
      unit: "parts of tasks",
      costs: [
        ...parts.map((part) => partFlops(model.spec, distinct, part)),
        ...writers.map(() => textFlops(model.spec, prompts)),
      ],
      bytes: ({ from, to }) => {
        const own = parts.slice(from, to);
        const reading = own.map(({ tokens }) => readBytes(model.spec, distinct, tokens));
        const writes = to > parts.length || own.some(({ setting: { task } }) => task.generation);
        return BASE_BYTES + Math.max(0, ...reading, writes ? writeBytes(model.spec) : 0);
      },
      async run({ from, to }, told) {
        const running = { ...told, model, engine: await engineOf(told) };
        await runParts(parts.slice(from, to), { ...running, plans: distinct });
        const [first, last] = [from, to].map((unit) => Math.max(0, unit - parts.length));
        for (const plan of writers.slice(first, last)) await writeTexts(prompts, plan, running);
      },
    }],
  };
}
