/** What attention's values carry beyond their own token: the rise of the loss where layers take them from the token alone. */
import { displayable, expect, list, type Of, oneOf, optionsOf, wholeNumber } from "core/entry/mod.ts";
import { head, riseOverSamples } from "core/result/mod.ts";
import { dropPlan, noDrop } from "core/run/mod.ts";
import { mixerKind } from "core/models/mod.ts";
import { CALIBRATION_TEXT, heldOutChecks, LENGTH, SAMPLES } from "core/study/options.ts";
import { type Over, type Scope, study } from "core/study/scope.ts";
import { run } from "core/study/study.ts";
import { type StudyModel, textChecks } from "core/subject/mod.ts";
import { type Text, textOf } from "core/study/text.ts";
import { watch } from "../observe/mod.ts";
import { type Changed, type Changing, underChange, type ValueChange } from "./changed.ts";
import {
  contextKind,
  type ContextLoss,
  contextLossKind,
  VALUE_SOURCES,
  type WithoutContext,
} from "./result.ts";
import { scoring } from "./scored.ts";
import { riseOver } from "./study.ts";

/** The name of a place that values without context come from. */
export type ValueSource = "token" | "embedding" | "mean";

/** The checks of `ContextOptions`, option by option. */
export const contextChecks = {
  ...heldOutChecks,
  /** Where the values come from; default: each place in turn. */
  from: list(oneOf(VALUE_SOURCES), "places", 1),
  /** Sets of layers that are changed together; default: each layer alone. */
  layers: list(list(wholeNumber(0), "layers", 1), "sets of layers", 1),
  /** First tokens of each sample that keep their own values, since many models read little but their place; default: none. */
  keep: wholeNumber(0),
  /** The text that means are taken over; default: 8 × 512 tokens of `stories`. */
  calibration: optionsOf(textChecks),
};

/** Options of `withoutContext`. The losses are measured over `text`; default: `wiki`. */
export type ContextOptions = Of<typeof contextChecks>;
const verb = "measure values without context";

/**
 * Measures how much the loss rises where attention's values v [T, K, E] know no context, while its queries and keys are the model's own.
 * The value at a token t comes `from` one of three places: `token`, the layer's mean value at the same token of the vocabulary over the
 * `calibration` text, or over all its tokens where it has no such one; `embedding`, the value that the layer makes of the token's embedding in place of the
 * stream; `mean`, the layer's mean value over all tokens. Where the rise is near nothing, a layer needs no cache of values
 * (after arXiv 2606.02780, which trains models with such values).
 *
 * Rises are in nats per token, with 95 % intervals over the samples. Throws `RangeError` for a layer without values of its own.
 *
 * @example
 * ```ts
 * import { openModel, withoutContext } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const calibration = { text: "README.md", samples: 2, length: 32 };
 * const { rises } = await withoutContext(model, { calibration, text: "LICENSE", samples: 2, length: 32, from: ["token"] });
 * for (const { from, layers, rise, low, high } of rises) console.log(from, layers, rise, low, high);
 * ```
 */
export async function withoutContext(
  model: StudyModel | string,
  options: ContextOptions = {},
): Promise<WithoutContext> {
  return await run(contextStudy, model, options);
}

export const contextStudy = study<ContextOptions, WithoutContext>({
  verb,
  label: "values without context",
  checks: contextChecks,
  text: (model, options) => textsOf(model, options)[0],
  async run(scope, model, options) {
    const { from = VALUE_SOURCES, keep = 0 } = options;
    const [text, read] = textsOf(model, options);
    expect(verb, "keep", keep, wholeNumber(0, Math.min(text.sizes.length, read.sizes.length) - 1));
    const plans = plansOf(model, from, options.layers);
    await scope.read(read);
    const [provenance, calibration] = [await scope.origin(model, text), await scope.origin(model, read)];
    const known = { provenance, calibration, keep, rises: plans };
    return await scope.kept(contextKind, `values without context of ${model.name}`, known, async () => {
      const stream = from.some((place) => place !== "embedding")
        ? await meansIn(scope, model, read, keep, false)
        : [];
      const embedding = from.includes("embedding") ? await meansIn(scope, model, text, keep, true) : [];
      const lossIn = async (plan: Plan | null, i: number) => {
        const by = ({ layer, v: { data }, ids }: Changing<"v">) => {
          if (!plan?.layers.includes(layer)) return;
          const means = plan.from === "embedding" ? embedding[layer] : stream[layer];
          for (let t = keep; t < ids.length; t++) {
            const own = plan.from === "mean" ? undefined : means.get(ids[t]);
            data.set(own ?? means.get(ANY)!, t * data.length / ids.length);
          }
          return { v: data };
        };
        const isOfText = plan?.from === "embedding"; // whose means are over the same text
        const known = plan && { ...plan, keep, calibration: isOfText ? null : calibration };
        const own = { known, change: { values: ["v"], by: by as ValueChange["by"] } as const, plan: i };
        const nameOf = () => `change ${i} of ${plans.length}`;
        return (await scope.over(losing, { model, text, own, nameOf }, [[noDrop]]))[0][0];
      };
      const base = await lossIn(null, 0);
      const runs: ContextLoss[] = [];
      for (const [i, plan] of plans.entries()) runs.push(await lossIn(plan, i + 1));
      const rises = plans.map((plan, i) => {
        const { sums } = runs[i];
        return { ...plan, ...riseOverSamples(sums.length, riseOver(runs[i], base)) };
      });
      const [ids, others] = await Promise.all([text, read].map(async (one) => {
        const { blocks: { ids, length } } = await one.pack(scope.options);
        return [...ids].filter((_, t) => t % length >= keep);
      }));
      const seen = ids.filter(Set.prototype.has, new Set(others)).length / ids.length;
      return { provenance, calibration, keep, seen, rises };
    });
  },
});

type Plan = Pick<WithoutContext["rises"][number], "from" | "layers">;

/** The text that losses are measured on, and the one that means are taken over. */
function textsOf(model: StudyModel, { calibration, ...options }: ContextOptions): [Text, Text] {
  const usual = { text: CALIBRATION_TEXT, samples: SAMPLES, length: LENGTH, skip: 0 };
  return [textOf(model, options, heldOutChecks), textOf(model, { ...options, ...usual, ...calibration })];
}

/** The changes: values from each place in each set of layers. */
function plansOf({ name, spec }: StudyModel, from: readonly ValueSource[], layers: ContextOptions["layers"]) {
  const alone = spec.layers.flatMap(({ attention }, l) =>
    attention && mixerKind(attention).inside(attention) ? [[l]] : []
  );
  const wrong = layers?.flat().find((layer) => !alone.some(([own]) => own === layer));
  if (wrong !== undefined) throw new RangeError(`Cannot ${verb}: layer ${wrong} of ${name} has no values`);
  return from.flatMap((place) => (layers ?? alone).map((own): Plan => ({ from: place, layers: [...own] })));
}

interface LossTypes {
  request: Pick<ContextLoss, "provenance" | "change">;
  sums: Pick<ContextLoss, "sums">;
  result: ContextLoss;
}
const { passes, measure } = scoring(false);
/** The losses under one change. */
const losing: Over<Changed & { readonly known: ContextLoss["change"] }, LossTypes> = {
  result: {
    kind: contextLossKind,
    from: (request, { sums }) => displayable({ ...head(contextLossKind), ...request, sums }),
  },
  origin: ({ known }) => ({ change: known }),
  passes,
  measure: async (running, options) => [
    await underChange(running, (probed) => measure(probed, options), options),
  ],
};

/** Stands for all tokens of a text. */
const ANY = -1;

/** Means of each layer's values: of each token of the vocabulary, and of all. With `bare`, the stream stays the embedding. */
async function meansIn(scope: Scope, model: StudyModel, text: Text, keep: number, bare: boolean) {
  const { layers } = model.spec;
  const plan = bare ? dropPlan(model.spec, { mlp: layers.flatMap(({ mlp }, l) => mlp ? [l] : []) }) : noDrop;
  return await scope.work(model, [{ ...text.sizes, plans: [plan], head: false }], async (options) => {
    const sums = layers.map(() => new Map<number, { readonly sum: Float64Array; count: number }>());
    const { blocks } = await text.pack(options);
    const values = bare ? ["v", "a"] as const : ["v"] as const;
    await watch<"v" | "a">(
      { model, blocks, plan, values, name: "means" },
      ({ layer, v: { data }, a, ids }) => {
        const width = data.length / ids.length;
        for (let t = keep; t < ids.length; t++) {
          for (const key of [ids[t], ANY]) {
            const own = sums[layer].getOrInsertComputed(
              key,
              () => ({ sum: new Float64Array(width), count: 0 }),
            );
            for (let i = 0; i < width; i++) own.sum[i] += data[t * width + i];
            own.count++;
          }
        }
        return bare ? { a: a.data.fill(0) } : undefined;
      },
      options,
    );
    return sums.map((own) =>
      new Map([...own].map(([id, { sum, count }]) => [id, sum.map((value) => value / count)]))
    );
  });
}
