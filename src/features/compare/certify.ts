/** What a model costs in place of another, such as a smaller file of it: batch by batch, the second runs beside what is held of the first. */
import {
  displayable,
  eachOf,
  filled,
  number,
  type Of,
  option,
  orElse,
  reportChecks,
  reportsOf,
  required,
  sum,
} from "core/entry/mod.ts";
import { isWeights } from "core/hub/mod.ts";
import { MODULES, moves, planPhrase } from "core/measure/mod.ts";
import type { ModelSpec } from "core/models/mod.ts";
import { type Certificate, certificateKind } from "./result.ts";
import { certificateOf, certifiedWithin, type SeenOfBoth } from "./derived.ts";
import {
  batchSize,
  type Blocks,
  type DropPlan,
  effectsProbe,
  noDrop,
  reference,
  score,
  segmentsOf,
} from "core/run/mod.ts";
import { aModel, onModel, type Packed, type StudyModel } from "core/subject/mod.ts";
import { flopsOf, needOf } from "core/study/estimate.ts";
import { engineOf, heldOutChecks, reporter, type RunOptions, tokenizedBy } from "core/study/options.ts";
import type { Measure } from "core/study/over.ts";
import { aDrop, dropsIn, type PlanLike } from "core/study/plan.ts";
import { study } from "core/study/scope.ts";
import { type Price, run } from "core/study/study.ts";
import { textOf } from "core/study/text.ts";

/** The second model, its name, or a plan of the first, beside the options. */
type Own = CertifyOptions & { readonly other: StudyModel | string | PlanLike };

/** Both models; where a plan makes the second of the first, the same model twice. */
type Pair = Readonly<Record<"a" | "b", StudyModel>> & { readonly plan: DropPlan };

interface CertificateTypes {
  readonly request: Pick<Certificate, "provenance" | "of">;
  readonly sums: SeenOfBoth;
  readonly result: Certificate;
}

const isModel = (other: unknown): other is StudyModel | string =>
  typeof other === "string" || typeof other === "object" && other !== null && "spec" in other;

/** The checks of `CertifyOptions`, option by option. */
export const certifyChecks = {
  ...heldOutChecks,
  /** Nats per token that count as no difference; default: 0.01. */
  within: option(
    number("a number above 0", (value) => value > 0),
    "<nats> nats per token that count as no difference",
    0.01,
  ),
};

/** Options of `certify`. */
export type CertifyOptions = Of<typeof certifyChecks>;

/**
 * Compares a model with another that has the same tokenizer, such as a smaller file of it, or with a plan of its own, over the same text:
 * the perplexities of both, the rise of the loss with its interval, paired over samples, and whether that lies within ±`within` nats per
 * token; the divergence KL(model ‖ other) of each token's prediction, as mean, quantiles and maximum; the share of equal first choices; and,
 * for models of as many layers and the same width, by layer how far updates u move to u + e in the other, |e| / |u| along and across
 * the model's stream. Throws `RangeError` for models with different words.
 *
 * @example
 * ```ts
 * import { certify } from "lamina";
 *
 * const text = { text: "README.md", samples: 2, length: 32 };
 * const { rise, kl, top1, equal } = await certify("data/series/pre-ln/step04096", { attention: [2] }, text);
 * console.log(rise, kl, top1, equal);
 * ```
 */
export async function certify(
  model: StudyModel | string,
  other: StudyModel | string | PlanLike,
  options: CertifyOptions = {},
): Promise<Certificate> {
  return await run(certifyStudy, model, { ...options, other });
}

export const certifyStudy = study<Own, Certificate, Pair, Price, StudyModel | string>({
  verb: "compare models",
  label: labelOf,
  checks: { ...certifyChecks, other: required(orElse(isModel, aModel(), aDrop)) },
  on: (verb, model, options, checks, use) =>
    onModel(verb, model, options, checks, async (a, { other, ...own }) => {
      if (!isModel(other)) return await use({ a, b: a, plan: dropsIn(a, other) }, { ...own, other });
      return await onModel(verb, other, reportsOf(own), reportChecks, (b) => {
        const [words, others] = [a, b].map(({ spec: { vocabulary } }) => `${vocabulary} words`);
        if (words !== others) throw unlike(a, b, others, words);
        return use({ a, b, plan: noDrop }, { ...own, other });
      });
    }),
  model: ({ a }) => a,
  text: ({ a }, options) => textOf(a, options, heldOutChecks),
  plans: 2,
  async run(scope, { a, b, plan }, options) {
    const text = textOf(a, options, heldOutChecks);
    const { within } = filled(certifyChecks, options);
    const label = labelOf({ a, b, plan });
    const full = { ...text.sizes, plans: [noDrop], head: true };
    const other = { ...full, plans: [plan], besides: flopsOf(b, [full]) - flopsOf(a, [full]) };
    const held = heldBytes(a.spec, batchOf(a.spec, text.sizes) * full.length);
    const bytes = needOf(a, [full, other]).bytes + held;
    const how: Measure<null, CertificateTypes> = {
      result: {
        kind: certificateKind,
        from: (known, seen) =>
          certificateOf({ ...known, within, bytes: [bytesIn(a), a === b ? null : bytesIn(b)] }, seen),
      },
      origin: () => ({ of: a.identity }),
      passes: () => [full, other].map((pass) => ({ ...pass, bytes })),
      measure: async ({ blocks }, own) => [await seenIn({ a, b, plan }, blocks, own)],
    };
    await scope.work(a, [], async (own) => await expectSameTokens(a, b, await text.pack(own)));
    const [[result]] = await scope.over(how, { model: b, text, own: null, label, title: label }, [[plan]]);
    return displayable({ ...certifiedWithin(result, within), ...namesOf(a, b) });
  },
});

/** The label of a certificate. */
function labelOf({ a, b, plan }: Pair): string {
  const [first, second] = namesOf(a, b).names ?? [a.name, b.name];
  return `certificate of ${a === b ? `${a.name} ${planPhrase(plan)}` : second} beside ${first}`;
}

const unlike = (a: StudyModel, b: StudyModel, found: string, expected: string) =>
  new RangeError(`Cannot compare ${a.name} with ${b.name}: found ${found}, expected ${expected}`);

/** Bytes of a model's weight files; null for one that has none. */
const bytesIn = ({ files }: StudyModel): number | null =>
  files ? sum(files.list().filter(isWeights), files.size) : null;

/** Throws `RangeError` for a model whose tokenizer makes other tokens of the text's beginning. Those of two formats may differ in form alone. */
async function expectSameTokens(a: StudyModel, b: StudyModel, packed: Packed): Promise<void> {
  if (await tokenizedBy(a, packed) === await tokenizedBy(b, packed)) return;
  const tokenizers = [await a.tokenizer(), await b.tokenizer()];
  const words = tokenizers[0].decode([...packed.blocks.ids.subarray(0, 4096)]);
  const [ids, others] = tokenizers.map((tokenizer) => tokenizer.encode(words).join(" "));
  if (ids !== others) throw unlike(a, b, "other tokens of the text by its tokenizer", "the same");
}

/** What two models are called beside each other: files by folder and name, and by more folders where those are alike. */
function namesOf(a: StudyModel, b: StudyModel): Pick<Certificate, "names"> {
  const paths = [a, b].map(({ files }) => files?.path?.split(/[\\/]/));
  if (a === b || !paths.some((path) => path)) return {};
  const least = paths.map((path) => path?.at(-1)?.endsWith(".gguf") ? 2 : 1);
  const named = (more: number) =>
    [a, b].map(({ name }, i) => paths[i]?.slice(-least[i] - more).join("/") ?? name) as [string, string];
  const most = Math.max(...paths.map((path) => path?.length ?? 0));
  let more = 0;
  while (more < most && named(more)[0] === named(more)[1]) more++;
  return { names: named(more < most ? more : 0) };
}

/** Bytes of updates and streams that are held of some tokens. */
const heldBytes = ({ layers, hidden }: ModelSpec, tokens: number) =>
  4 * Float32Array.BYTES_PER_ELEMENT * layers.length * hidden * tokens;

/** Samples that run together: what is held of the first model stays below half a gigabyte where one sample does. */
const batchOf = (spec: ModelSpec, { length, samples }: Pick<Blocks, "length" | "samples">): number =>
  Math.min(samples, batchSize(length), Math.max(1, Math.floor(2 ** 29 / heldBytes(spec, length))));

async function seenIn({ a, b, plan }: Pair, blocks: Blocks, options: RunOptions): Promise<SeenOfBoth> {
  const { samples, length, ids } = blocks;
  const engine = await engineOf(options);
  const report = reporter("both models", "work", options);
  const { layers, hidden } = a.spec;
  const isLayered = layers.length === b.spec.layers.length && hidden === b.spec.hidden;
  const empty = () => layers.map(() => []);
  const seen: SeenOfBoth = { sums: [], kl: [], moves: isLayered ? eachOf(MODULES, empty) : null };
  const size = batchOf(a.spec, blocks);
  for (let from = 0; from < samples; from += size) {
    const count = Math.min(size, samples - from);
    const at = (third: number) => (done: number, of: number) =>
      report((from + count * (third + done / of) / 3) / samples, 1);
    const some = { ids: ids.subarray(from * length, (from + count) * length), samples: count, length };
    const both = { engine, signal: options.signal, segments: segmentsOf(some) };
    const full = effectsProbe(layers, 1, moves, { stays: true });
    const probe = effectsProbe(b.spec.layers, 1, moves, { from: full.held });
    const [first, second] = [full, probe].map((probe) => isLayered ? [probe] : []);
    const streams = await reference({ ...both, model: a, probes: first, onProgress: at(0) });
    try {
      const nll: number[] = [];
      const [found] = await score({
        ...{ ...both, model: b, plans: [plan], probes: second, reference: streams, original: a },
        ...{ onProgress: at(1), onScore: at(2) },
        onRows([own, { kl }]) {
          nll.push(...own.nll);
          seen.kl.push(...kl.map((value) => Math.max(0, value))); // rounding may leave −1e-9
        },
      });
      const of = (values: readonly number[], sample: number) =>
        sum(values.slice(sample * (length - 1), (sample + 1) * (length - 1)));
      for (const [s, own] of found.entries()) {
        seen.sums.push({ ...own, nll: [of(nll, s), own.nll], kl: of(seen.kl, from + s) });
      }
      for (const kind of MODULES) {
        seen.moves?.[kind].forEach((layer, l) => {
          for (let s = 0; s < count; s++) layer.push(probe.plans[0][l][kind]?.[s] ?? null);
        });
      }
    } finally {
      streams.free();
    }
  }
  return seen;
}
