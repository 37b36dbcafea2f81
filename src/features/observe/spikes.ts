/** Spikes: the largest values of the stream, what writes them, how much attention their tokens get, and constants in their place. */
import { displayable, dot, eachOf, number, type Of, required, sum, wholeNumber } from "core/entry/mod.ts";
import { largestAt, meanIn, median, medianSize, MODULES } from "core/measure/mod.ts";
import { cacheKey, head, type Provenance } from "core/result/mod.ts";
import type { DropPlan, Observed, Seen } from "core/run/mod.ts";
import type { Size } from "core/study/estimate.ts";
import { studyOver } from "core/study/study_over.ts";
import { run } from "core/study/study.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { observedChecks, observedText, watch } from "./observe.ts";
import {
  constantsKind,
  type KeptConstants,
  type Spike,
  type SpikeModule,
  type Spikes,
  spikesKind,
} from "./result.ts";

/** Options of `spikes` and `spikeConstants`. */
export type SpikeOptions = Of<typeof observedChecks>;

/** What both studies have in common: one pass over a text, or over samples. */
const overText = {
  text: observedText,
  passes: (
    _: unknown,
    __: unknown,
    size: Size,
    plans: readonly DropPlan[],
  ) => [{ ...size, plans, head: false }],
};

/**
 * Finds the largest value of the stream that leaves each layer, sample by sample: what writes it, how much of its token's vector it is,
 * whether that vector is the same in every sample, and how much attention the token gets in the next layer (Sun et al., arXiv 2603.05498).
 * Layers without attention or MLP are skipped. Throws `RangeError` as `observe` does, and if all are skipped.
 *
 * @example
 * ```ts
 * import { spikes } from "lamina";
 *
 * const found = await spikes("data/series/pre-ln/step04096", { text: "README.md", samples: 2, length: 32 });
 * console.log(found.spikes.map(({ layer, token, mlp, times }) => ({ layer, token, mlp, times })));
 * ```
 */
export async function spikes(model: StudyModel | string, options: SpikeOptions = {}): Promise<Spikes> {
  return await run(spikesStudy, model, options);
}

export const spikesStudy = studyOver<SpikeOptions, unknown, SpikeTypes>({
  ...overText,
  ...{ verb: "find spikes", checks: observedChecks },
  result: {
    kind: spikesKind,
    from: ({ provenance }, found) =>
      displayable({ ...head(spikesKind), provenance, model: provenance.model.name, ...found }),
  },
  async measure({ model, blocks, requests: [{ provenance: { drop: plan } }], name }, options) {
    const found: (Spike & { readonly vectors: readonly Float64Array[] })[] = [];
    await watch({ model, blocks, plan, name, values: ["a", "m", "y", "attention"] }, (seen) => {
      const { layer, sample, ids, a, m, y, attention } = seen;
      const before = found.findLast((spike) => spike.sample === sample);
      if (before) before.sink = sinkOf(before.token, attention);
      const sizes = y.data.map(Math.abs), at = largestAt(sizes), size = sizes[at];
      const [token, channel] = [Math.floor(at / y.shape[1]), at % y.shape[1]];
      const vectors = [token, ids.length - 1].map((t) => Float64Array.from(rowOf(y, t)));
      const squares = vectors[0].map((value) => value ** 2).sort();
      found.push({
        ...{ layer, sample, token, id: ids[token], channel },
        ...{ value: y.data[at], attention: a.data[at], mlp: m.data[at] },
        times: Math.min(size / medianSize(y.data), Number.MAX_VALUE), // JSON has no infinity
        share: sum(squares.subarray(-3)) / (sum(squares) || 1),
        ...{ cosine: null, last: null, sink: null, vectors },
      });
    }, options);
    if (!found.length) throw new RangeError(`Cannot find spikes: no layer of ${model.name} has both modules`);
    const all = found.map(({ vectors, ...spike }) => {
      const others = found.filter(({ layer, sample }) => layer === spike.layer && sample !== spike.sample);
      const cosines = (i: number) => others.map((other) => cosineOf(vectors[i], other.vectors[i]));
      return { ...spike, cosine: meanIn(cosines(0)), last: meanIn(cosines(1)) };
    });
    return [{ spikes: all, written: mover(all, 1), taken: mover(all, -1) }];
  },
});

type SpikeTypes = {
  request: Pick<Spikes, "provenance">;
  sums: Pick<Spikes, "spikes" | "written" | "taken">;
  result: Spikes;
};

/** The module that most often adds most to the largest value of a sample along its sign, or against it. */
function mover(all: readonly Spike[], sign: 1 | -1): SpikeModule {
  const movers = [...Map.groupBy(all, ({ sample }) => sample).values()].map((spikes) => {
    const top = spikes.reduce((most, next) => Math.abs(next.value) > Math.abs(most.value) ? next : most);
    const own = spikes.filter(({ token, channel }) => token === top.token && channel === top.channel);
    return own.flatMap(({ layer, ...added }) =>
      MODULES.map((module) => ({ module, layer, share: sign * added[module] / top.value }))
    ).reduce((most, next) => next.share > most.share ? next : most);
  });
  const groups = [...Map.groupBy(movers, ({ module, layer }) => `${module} ${layer}`).values()];
  const own = groups.reduce((most, next) => next.length > most.length ? next : most);
  return { ...own[0], samples: own.length, share: median(own.map(({ share }) => share))! };
}

const rowOf = ({ data, shape: [, D] }: Observed, token: number) => data.subarray(token * D, (token + 1) * D);
const cosineOf = (a: Float64Array, b: Float64Array) => dot(a, b) / (Math.sqrt(dot(a, a) * dot(b, b)) || 1);

/** The mean weight of a token over heads and later queries. */
function sinkOf(token: number, rows: Seen<"attention">["attention"]): number | null {
  const weights: number[] = [];
  for (const { query, data, shape: [heads] } of rows) {
    for (let head = 0; query > token && head < heads; head++) weights.push(data[head * (query + 1) + token]);
  }
  return meanIn(weights);
}

/** What takes the place of an MLP's update: one mean everywhere, one at tokens with a spike alone, or each at its own. */
export const SPIKE_CASES = ["rest", "spike", "both"] as const;
const KINDS = ["spike", "rest"] as const;

/** Mean updates [D] of an MLP, the numbers of their tokens, and a change that puts them in its place. */
export type SpikeConstants =
  & Readonly<Record<"vectors", Record<"spike" | "rest", Float32Array>>>
  & Readonly<Record<"tokens", Record<"spike" | "rest", number>>>
  & {
    /** The change, and what it changes in each plan, with the hash of all that decides it. */
    change: {
      values: ["m", "y"];
      by: (seen: Seen<"m" | "y"> & { readonly plan: number }) => unknown;
      named: (plan: number) => NonNullable<Provenance["changed"]>;
    };
  };

/**
 * Measures an MLP's mean update [D] over tokens at which it has a spike (a value more than `times` the median of the stream that leaves
 * the layer), and over all others. `change` puts them in its place in `perplexities`, where plan i is case i of `SPIKE_CASES`: the others'
 * mean at every token; the spikes' mean at their tokens, and nothing elsewhere; or both. The MLP's own update says which tokens have a
 * spike. Throws `RangeError` for a layer without an MLP, and if no token or every token has a spike.
 *
 * @example
 * ```ts
 * import { openModel, perplexities, SPIKE_CASES, spikeConstants } from "lamina";
 *
 * using model = await openModel("data/series/pre-ln/step04096");
 * const { change } = await spikeConstants(model, 7, 3, { text: "README.md", samples: 2, length: 32 });
 * const runs = await perplexities(model, [{}, {}, {}], { text: "README.md", samples: 2, length: 32, skip: 2, change });
 * console.log(runs.map(({ nll }, i) => `${SPIKE_CASES[i]}: ${nll}`));
 * ```
 */
export async function spikeConstants(
  model: StudyModel | string,
  layer: number,
  times = 100,
  options: SpikeOptions = {},
): Promise<SpikeConstants> {
  const { tokens, tensors } = await run(constantsStudy, model, { ...options, layer, times });
  const vectors = eachOf(KINDS, (kind) => new Float32Array(Uint8Array.fromBase64(tensors[kind].data).buffer));
  const by: SpikeConstants["change"]["by"] = ({ layer: at, plan, ...seen }) => {
    if (at !== layer) return;
    const wanted = SPIKE_CASES[plan], m = new Float32Array(seen.m.data.length);
    if (!wanted) throw new RangeError(`Cannot change plan ${plan}: expected ${SPIKE_CASES.length} plans`);
    kindsOf(seen, times).forEach((kind, token) => {
      if (wanted === "spike" && kind === "rest") return;
      m.set(vectors[wanted === "both" ? kind : wanted], token * seen.m.shape[1]);
    });
    return { m };
  };
  const named = (plan: number) => (
    { values: ["m"], layers: [layer], by: cacheKey("spike constants", [SPIKE_CASES[plan], times, tensors]) }
  );
  return { vectors, tokens, change: { values: ["m", "y"], by, named } };
}

/** Which tokens of a sample have a spike: their own update says so. */
function kindsOf({ m, y }: Pick<Seen<"m" | "y">, "m" | "y">, times: number) {
  const limit = times * medianSize(y.data);
  const isSpike = (token: number) => rowOf(m, token).some((value) => Math.abs(value) > limit);
  return Array.from({ length: m.shape[0] }, (_, token) => isSpike(token) ? "spike" : "rest");
}

type ConstantsOptions = SpikeOptions & Readonly<Record<"layer" | "times", number>>;

export const constantsStudy = studyOver<ConstantsOptions, Known, ConstantsTypes>({
  ...overText,
  verb: "measure constants",
  checks: {
    ...observedChecks,
    layer: required(wholeNumber(0)),
    times: required(number("a number from 0", (value) => value >= 0)),
  },
  result: {
    kind: constantsKind,
    from: (request, sums) => displayable({ ...head(constantsKind), ...request, ...sums }),
  },
  settle({ name, spec }, { layer, times }) {
    if (spec.layers[layer]?.mlp) return { layer, times };
    throw new RangeError(`Cannot measure constants: ${name} has no MLP in layer ${layer}`);
  },
  origin: (own) => own,
  async measure({ model, blocks, requests: [{ layer, times, provenance: { drop: plan } }], name }, options) {
    const [tokens, sums] = [eachOf(KINDS, () => 0), eachOf(KINDS, () => new Float64Array(model.spec.hidden))];
    await watch({ model, blocks, plan, name, values: ["m", "y"] }, (seen) => {
      if (seen.layer !== layer) return;
      for (const [token, kind] of kindsOf(seen, times).entries()) {
        tokens[kind]++;
        rowOf(seen.m, token).forEach((value, i) => sums[kind][i] += value);
      }
    }, options);
    if (Object.values(tokens).includes(0)) {
      const found = `${tokens.spike} of ${tokens.spike + tokens.rest} tokens`;
      const over = `over ${times} times the median in MLP ${layer} of ${model.name}`;
      throw new RangeError(`Cannot measure constants: ${found} have a value ${over}, expected some`);
    }
    const tensors = eachOf(KINDS, (kind) => {
      const mean = Float32Array.from(sums[kind], (sum) => sum / tokens[kind]);
      return { shape: [mean.length], data: new Uint8Array(mean.buffer).toBase64() };
    });
    return [{ tokens, tensors }];
  },
});

type Known = Pick<KeptConstants, "layer" | "times">;
type ConstantsTypes = {
  request: Pick<KeptConstants, "provenance"> & Known;
  sums: Pick<KeptConstants, "tokens" | "tensors">;
  result: KeptConstants;
};
