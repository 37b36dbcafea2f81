/** Results made up for tests: any number of layers and samples, with modules left out. */
import { GUIDE_NAMES, head, type Provenance } from "core/result/mod.ts";
import { type Guides, guidesKind } from "features/orders/mod.ts";
import { type Profile, profileOf, type RoutingSums } from "features/profile/mod.ts";
import { type Sweep, sweepKind } from "features/sweep/mod.ts";
import { sizes } from "../result/samples.ts";

export interface Shape {
  readonly layers: number;
  readonly samples?: number;
  /** Layers without attention, and without an MLP. */
  readonly attention?: readonly number[];
  readonly mlp?: readonly number[];
  /** Multiplies every importance. */
  readonly scale?: number;
  readonly text?: string;
  /** Experts of the mixtures that all layers but the first have; default: none. */
  readonly experts?: number;
  /** What mixes the tokens of each layer, where some attention is linear. */
  readonly mixers?: Profile["mixers"];
}

const TOKENS = 64;

export function provenance(
  { layers, samples = 4, attention = [], mlp = [], text = "stories" }: Shape,
): Provenance {
  return {
    lamina: "0.0.0",
    model: {
      name: 'a "small" model <of two & a half>',
      ...{ fingerprint: "sha256:0", revision: null, format: "GGUF Q4_1", family: "llama", layers },
    },
    ...{ dtype: "float32", engine: "cpu", runtime: "none", tokenizer: "0" },
    text: { name: text, hash: "0" },
    packing: { samples, length: TOKENS, skip: 0, bos: false },
    drop: { attention: [...attention], mlp: [...mlp] },
    seed: null,
  };
}

/** A profile whose importance falls with depth, attention below the MLP, no two alike; the MLP of layer 1 has an outsized update. */
export function profile(shape: Shape): Profile {
  const { layers, samples = 4, attention = [], mlp = [], scale = 1 } = shape;
  const outsized = (size: number, layer: number) => layer === 1 && size > 0.2;
  const module = (size: number, absent: readonly number[]) =>
    Array.from(
      { length: layers },
      (_, layer) =>
        absent.includes(layer) ? null : Array.from({ length: samples }, (_, sample) => {
          const importance = scale * size * (1 + 0.1 * Math.sin(3 * layer + sample)) / (1 + layer);
          const magnitude = Math.sqrt(2 * importance);
          return {
            ...{ counted: TOKENS, distance: TOKENS * importance, magnitude: TOKENS * magnitude },
            ...{ sign: TOKENS * Math.sin(layer + size), norm: TOKENS * (1 + layer) },
            largest: outsized(size, layer) ? 40 : magnitude,
            above2: outsized(size, layer) ? 1 : 0,
            alpha: TOKENS * magnitude * 0.1,
            beta: TOKENS * magnitude,
            along: TOKENS * size * 0.1 / (1 + layer),
            turning: TOKENS * importance * (1 + 0.04 * layer),
          };
        }),
    );
  const both = attention.filter((layer) => mlp.includes(layer));
  const sums = { attention: module(0.2, attention), mlp: module(0.5, mlp), block: module(0.6, both) };
  return profileOf(provenance(shape), sums, sizes(layers), routing(shape), shape.mixers);
}

/** The deeper the layer, the more unevenly are its experts used. */
function routing({ layers, samples = 4, mlp = [], experts }: Shape): RoutingSums | undefined {
  if (experts === undefined) return undefined;
  const load = (layer: number) =>
    Array.from({ length: experts }, (_, e) => Math.floor(TOKENS * Math.exp(-layer * e / experts)));
  return Array.from(
    { length: layers },
    (_, layer) =>
      layer === 0 || mlp.includes(layer) ? null : Array.from({ length: samples }, () => (
        { load: load(layer), entropy: TOKENS * Math.log(experts) / layer, tokens: TOKENS }
      )),
  );
}

/** The deepest modules of a target, by importance all but the last; random orders drop the others first. */
function dropOf(target: string, by: string, layers: number, dropped: number) {
  const last = layers - (by === "importance" ? 2 : 1);
  const deepest = Array.from(
    { length: Math.min(dropped, last + 1) },
    (_, i) => by === "random" ? i : last - i,
  );
  return {
    attention: target === "mlp" ? [] : deepest,
    mlp: target === "mlp" || target === "block" ? deepest : [],
  };
}

/** A rise with this standard error, and by sample: half of the samples lie above it. Others vary than those of attention by importance. */
export function around(
  rise: number,
  error: number,
  samples: number,
  { target, by }: Pick<Line, "target" | "by">,
) {
  const isFirst = target === "attention" && by === "importance";
  const far = samples > 1 ? error * Math.sqrt(samples - 1) : 0;
  const rises = Array.from({ length: samples }, (_, i) => rise + far * ((isFirst ? i : i >> 1) % 2 ? 1 : -1));
  return { rise, riseError: samples > 1 ? error : null, rises };
}

type Line = Sweep["curves"][number];

/** A sweep of four targets and three baselines, the random one with three seeds. */
export function sweep(shape: Shape, steps: readonly number[] = [0, 1, 2, 4]): Sweep {
  type Target = "attention" | "mlp" | "block" | "joint";
  const curve = (
    target: Target,
    by: "importance" | "random" | "deepest",
    rate: number,
    seed: number | null = null,
  ) => ({
    ...{ target, by, seed },
    points: steps.map((dropped) => {
      const nll = 3 + rate * dropped;
      return {
        ...{ dropped, drop: dropOf(target, by, shape.layers, dropped), nll, standardError: 0.01 },
        ...{ perplexity: Math.exp(nll), kl: rate * dropped, top1: Math.exp(-rate * dropped) },
        ...around(rate * dropped, 0.01, shape.samples ?? 4, { target, by }),
      };
    }),
  });
  return {
    ...head(sweepKind),
    provenance: provenance({ ...shape, text: "wiki" }),
    calibration: provenance(shape),
    outsized: { attention: [], mlp: [Math.max(0, shape.layers - 3)] },
    curves: [
      curve("attention", "importance", 0.05),
      curve("mlp", "importance", 1),
      curve("block", "importance", 0.6),
      curve("joint", "importance", 0.05),
      ...[0, 1, 2].map((seed) => curve("attention", "random", 0.3 + 0.1 * seed, seed)),
      curve("attention", "deepest", 0.2),
    ],
  };
}

/** A whole sweep with two repairs of attention by importance, and one of a random order; a number has no point where it was refused. */
export function repairedSweep(shape: Shape): Sweep {
  const bare = sweep(shape);
  const repaired = (
    by: "linear" | "refit",
    c: number,
    without: readonly number[],
  ): Sweep["curves"][number] => ({
    ...bare.curves[c],
    repair: { by, sequential: false },
    points: bare.curves[c].points.filter(({ dropped }) => !without.includes(dropped)).map((point) => {
      const { attention } = point.drop;
      const changes = attention.map((layer) => (
        { layer, module: "attention", to: "linear", tensors: "0".repeat(64) } as const
      ));
      const nll = 3 + point.rise / 2;
      return {
        ...point,
        ...by === "linear" && changes.length ? { drop: { ...point.drop, attention: [], changes } } : {},
        ...{
          nll,
          perplexity: Math.exp(nll),
          rise: point.rise / 2,
          rises: point.rises!.map((rise) => rise / 2),
        },
      };
    }),
  });
  const [first, ...rest] = bare.curves;
  return {
    ...bare,
    repaired: provenance({ ...shape, samples: 24 }),
    curves: [first, repaired("linear", 0, []), repaired("refit", 0, [2]), ...rest, repaired("linear", 4, [])],
  };
}

/** Guides from the best to the worst of each kind, with intervals, one without, and one that does not vary. */
export function guides(shape: Shape): Guides {
  const { layers, attention = [], mlp = [] } = shape;
  const byLayer = (absent: readonly number[], size: number) =>
    Array.from({ length: layers }, (_, layer) => absent.includes(layer) ? null : size / (1 + layer));
  const absent = { attention, mlp, block: [] };
  return {
    ...head(guidesKind),
    provenance: provenance({ layers, text: "wiki" }),
    calibration: provenance({ layers }),
    rise: { attention: byLayer(attention, 0.1), mlp: byLayer(mlp, 0.4), block: byLayer([], 0.6) },
    guides: (["attention", "mlp", "block"] as const).flatMap((module, k) =>
      GUIDE_NAMES.map((by, i) => {
        const rank = by === "kl"
          ? 1
          : by === "angular" && module === "mlp"
          ? null
          : Math.max(-0.9, 0.9 - 0.25 * i - 0.1 * k);
        const known = rank !== null && rank < 1;
        return {
          module,
          by,
          values: byLayer(absent[module], 1 + i),
          rank,
          low: known ? Math.max(-0.99, rank - 0.5) : null,
          high: known ? Math.min(0.99, rank + 0.3) : null,
          modules: layers - absent[module].length,
        };
      })
    ),
  };
}
