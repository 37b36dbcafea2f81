/**
 * What plans, repairs, precisions and stored weights do to the updates of later modules: e = u′ − u along and across the stream, beside
 * the rise of the loss. Plans run beside the full model, layer by layer; against another model, its updates of one batch are held.
 */
import { type Checks, eachOf, option, orElse, phased } from "../../entry/mod.ts";
import { everyChange, isFull, type LayerModule, MODULES, moves } from "../../measure/mod.ts";
import type { ModelSpec } from "../../models/mod.ts";
import {
  type Effects,
  keep,
  keptResult,
  type Perplexity,
  perplexityOf,
  perplexityOrigin,
} from "../../result/mod.ts";
import { type Blocks, type DropPlan, effectsProbe, noDrop } from "../../run/mod.ts";
import { aModel, onModel, type Packed, type StudyModel } from "../../subject/mod.ts";
import { expectRoom, flopsOf, needOf } from "../base/estimate.ts";
import {
  precisionOf,
  provenance,
  reporter,
  runChecks,
  type StudyOptions,
  tokenizedBy,
} from "../base/options.ts";
import { pass } from "../base/pass.ts";
import { batchesOf, runOptionsOf, type Span } from "../base/stage.ts";
import { samplesOf, type Text } from "../base/text.ts";

/** Whether a study of quality also measures how far later updates move. */
export interface EffectsOptions {
  /**
   * Also measures how far the updates of later modules move, e = u′ − u along and across the stream: over those of the full model (true),
   * or over those of this model in float32, such as the original of quantised weights; default: false.
   */
  readonly effects?: boolean | StudyModel | string | undefined;
}

export const effectsChecks: Checks<EffectsOptions> = {
  effects: option(
    orElse((value) => typeof value === "boolean", () => null, aModel()),
    "[model] also measure how far the updates of later modules move, over the full model's, or over those of this model in float32",
  ),
};

/** What plans are compared with: the model itself in the same run, or another with options of its own. */
interface Original {
  readonly of: Effects["of"];
  readonly other: { readonly model: StudyModel; readonly options: StudyOptions } | null;
}

/** Opens what plans of a model are compared with while `use` runs. Throws `RangeError` for a model of another shape. */
async function withOriginal<T>(
  model: StudyModel,
  options: StudyOptions & EffectsOptions,
  use: (original: Original) => Promise<T>,
): Promise<T> {
  const { effects, ...own } = options;
  if (typeof effects === "boolean" || effects === undefined) {
    return await use({ of: { model: model.identity, dtype: precisionOf(own) }, other: null });
  }
  const { engine } = own;
  const others = {
    ...runOptionsOf(own),
    engine: typeof engine === "object" ? engine.name : engine,
    precision: "float32",
  } as const;
  return await onModel("compare updates", effects, others, runChecks, (original, options) => {
    expectAlike(model, original);
    const of = { model: original.identity, dtype: others.precision };
    return use({ of, other: { model: original, options } });
  });
}

function expectAlike(model: StudyModel, original: StudyModel): void {
  const shape = ({ spec: { layers, hidden, vocabulary } }: StudyModel) =>
    `${layers.length} layers of width ${hidden} and ${vocabulary} words`;
  if (shape(model) === shape(original)) return;
  throw new RangeError(
    `Cannot compare updates of ${model.name} with ${original.name}: found ${shape(original)}, expected ${
      shape(model)
    }`,
  );
}

/** Tokens of the text by which two tokenizers are compared. */
const COMPARED = 4096;

/** Throws `RangeError` for an original whose tokenizer makes other tokens of the text. Tokenizers of two formats may differ in form alone. */
async function expectSameTokens(model: StudyModel, original: StudyModel, packed: Packed): Promise<void> {
  const both = [model, original];
  const [own, other] = await Promise.all(both.map((one) => tokenizedBy(one, packed)));
  if (own === other) return;
  const tokenizers = await Promise.all(both.map((one) => one.tokenizer()));
  const words = tokenizers[0].decode([...packed.blocks.ids.subarray(0, COMPARED)]);
  const [ids, others] = tokenizers.map((tokenizer) => tokenizer.encode(words).join(" "));
  if (ids === others) return;
  throw new RangeError(
    `Cannot compare updates of ${model.name} with ${original.name}: found other tokens of the text by its tokenizer, expected the same`,
  );
}

/** What the effects of plans depend on besides the plans, for a division. */
export const effectsOver = (
  model: StudyModel,
  options: StudyOptions & EffectsOptions,
): Promise<Effects["of"]> => withOriginal(model, options, ({ of }) => Promise.resolve(of));

/** Losses of plans over a text, in their order. */
type Losses = (
  model: StudyModel,
  plans: readonly DropPlan[],
  text: Text,
  options: StudyOptions,
) => Promise<Perplexity[]>;

/** Measures the losses of plans over some samples of a text together with their effects, and keeps both. */
export async function effectsUnder(
  model: StudyModel,
  plans: readonly DropPlan[],
  { text, span }: { readonly text: Text; readonly span: Span },
  options: StudyOptions & EffectsOptions,
  losses: Losses,
): Promise<Perplexity[]> {
  const { effects: _, ...running } = options;
  return await withOriginal(model, options, async ({ of, other }) => {
    const isOwn = of.model.fingerprint === model.identity.fingerprint && of.dtype === precisionOf(running);
    const all = samplesOf(text, span);
    const packed = await all.pack(running);
    const known = await Array.fromAsync(plans, async (plan) => {
      const origin = perplexityOrigin(await provenance(model, packed, plan, running), of);
      return await keptResult("perplexity", origin, running);
    });
    if (known.every((result) => result !== null)) return known;
    if (other) await expectSameTokens(model, other.model, packed);
    const size = packed.blocks;
    const price = (head: boolean, some = plans) => flopsOf(model, [{ ...size, plans: some, head }]);
    const weights = [price(true), other ? price(true, [noDrop]) : 0, price(false)];
    const at = phased(`effects in ${model.name}`, weights, running);
    const full = plans.findIndex(isFull);
    const some = other || full >= 0 ? plans : [...plans, noDrop];
    const results = await losses(model, some, all, at(0));
    const [base] = other
      ? await losses(other.model, [noDrop], all, { ...other.options, onProgress: at(1).onProgress })
      : results.slice(full);
    const moved = await movesUnder(model, { other, isOwn }, plans, packed.blocks, at(2));
    return await Array.fromAsync(plans, (_, i) => {
      const { provenance, sums } = results[i];
      const own = base.sums.map(({ nll }, sample) => ({ nll, ...moved[i][sample] }));
      return keep(perplexityOf(provenance, sums, { of, sums: own }), running);
    });
  });
}

type Moves = Omit<Effects["sums"][number], "nll">;

async function movesUnder(
  model: StudyModel,
  { other, isOwn }: Pick<Original, "other"> & { readonly isOwn: boolean },
  plans: readonly DropPlan[],
  blocks: Blocks,
  options: StudyOptions,
): Promise<Moves[][]> {
  const { samples, length } = blocks;
  const { layers, hidden } = model.spec;
  const size = other ? batchesOf(blocks).size : samples;
  const need = needOf(model, [{ plans: [noDrop, ...plans], head: false, samples, length }]);
  const held = other ? 4 * Float32Array.BYTES_PER_ELEMENT * layers.length * size * length * hidden : 0;
  await expectRoom({ ...need, bytes: need.bytes + held }, options);
  const report = reporter("updates", other ? "samples" : "modules", options);
  const all = plans.map((): Moves[] => []);
  for (let from = 0; from < samples; from += size) {
    const count = Math.min(size, samples - from);
    const some = { ids: blocks.ids.subarray(from * length, (from + count) * length), samples: count, length };
    let probe;
    if (other) {
      const full = effectsProbe(layers, 1, moves, { stays: true });
      await pass(other.model, some, [full], other.options);
      probe = effectsProbe(layers, plans.length, moves, { from: full.held });
      await pass(model, some, [probe], options, { plans });
    } else {
      probe = effectsProbe(layers, plans.length + 1, moves);
      await pass(model, some, [probe], options, { plans: [noDrop, ...plans], onProgress: report });
    }
    const seen = probe.plans.slice(-plans.length); // without the full model, where it ran among them
    for (const [p, plan] of plans.entries()) {
      const isMeasured = isBehind(model.spec, plan, isOwn);
      for (let sample = 0; sample < count; sample++) {
        all[p].push(eachOf(MODULES, (kind) =>
          seen[p].map((layer, l) => {
            return isMeasured(l, kind) ? layer[kind]?.[sample] ?? null : null;
          })));
      }
    }
    if (other) report(from + count, samples);
  }
  return all;
}

/** Whether a module may move under a plan, which does not change it: in its own model, it reads the stream behind the first change. */
function isBehind({ layers }: ModelSpec, plan: DropPlan, isOwn: boolean) {
  const placeOf = (layer: number, kind: LayerModule) => 2 * layer + MODULES.indexOf(kind);
  const changed = everyChange(plan).map(({ layer, module }) => placeOf(layer, module));
  const first = isOwn ? Math.min(...changed) : -1;
  return (layer: number, kind: LayerModule) => {
    const reads = layers[layer].residual === "parallel" ? placeOf(layer, "attention") : placeOf(layer, kind);
    return reads > first && !changed.includes(placeOf(layer, kind));
  };
}
