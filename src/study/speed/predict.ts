/** How long a plan should take, from its bytes and operations and what the machine's parts were measured to do. */
import { roofSeconds } from "../../measure/mod.ts";
import type { Model } from "../../models/mod.ts";
import {
  changedModel,
  type DropPlan,
  type Holding,
  type ModuleWork,
  partsOf,
  stepBytes,
  workOf,
} from "../../run/mod.ts";
import type { Medians, PartTimes, Setting } from "./parts.ts";
import { sum } from "../../entry/mod.ts";

/** By bytes and operations alone, at one bandwidth and one rate. */
export function bytesAlone({ products }: PartTimes): PartTimes {
  return { products, keys: products, overhead: { attention: 0, mlp: 0, step: 0 } };
}

/** The time of a plan; `steps` tokens follow the texts. A prompt is read by the same programs as the tokens after it. */
export function predict(
  { model, has }: { readonly model: Model; readonly has: Holding },
  plan: DropPlan,
  { batch, context }: Setting,
  steps: number,
  parts: PartTimes,
): Medians {
  const work = workOf(model.spec, plan, stepBytes(changedModel(model, plan), has));
  const read = partsOf(0, context, batch);
  const prefill = sum(read.keys().toArray(), (i) => {
    const [first, end] = read[i];
    const modules = work({ texts: batch, tokens: end - first, past: first });
    // The head is for the last token of the text alone.
    return seconds(i < read.length - 1 ? modules.filter(({ module }) => module !== "head") : modules, parts);
  });
  const past = context + Math.floor(steps / 2);
  return { prefill, step: seconds(work({ texts: batch, tokens: 1, past }), parts) };
}

function seconds(modules: readonly ModuleWork[], { products: roof, keys, overhead }: PartTimes): number {
  return overhead.step + sum(modules, ({ count, module, products, core }) =>
    count *
    (roofSeconds(products, roof) + (core ? roofSeconds(core, keys) : 0) +
      (module === "head" ? 0 : overhead[module])));
}
