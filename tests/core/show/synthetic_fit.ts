/** A fit made up for tests: types come down, a module goes, and the largest plan fails its confirmation. */
import { type Fit, fitKind } from "features/fit/mod.ts";
import { head, planKind } from "core/result/mod.ts";
import type { Change, DropPlan } from "core/measure/mod.ts";
import { provenance, type Shape } from "./synthetic.ts";

type Row = Fit["looks"][number];

const ends = (value: number, half: number) => ({ value, low: value - half, high: value + half });

/** A plan of which the first layers are Q4_0, the table is Q5_0, and some attention may go. */
function dropOf(layers: number, attention: number[] = []): DropPlan {
  const changes = Array.from({ length: layers }, (_, layer): Change => (
    {
      layer,
      module: "mlp",
      to: "types",
      in: "Q4_0",
      ...layer % 2 ? { out: "Q4_0" } : {},
      tensors: "c".repeat(64),
    }
  ));
  return {
    ...{ attention, mlp: [] },
    ...layers > 0 ? { changes, tables: { embedding: "Q5_0", tensors: "d".repeat(64) } } : {},
  };
}

function row(drop: DropPlan, bytes: number | null, kld: number, half = 0.004): Row {
  const attention = drop.attention.length;
  return {
    drop: structuredClone(drop) as Row["drop"],
    saves: {
      parameters: 100 * attention,
      parametersShare: 0.02 * attention,
      kvBytesPerToken: 64 * attention,
      kvShare: attention / 6,
      kv: { context: 8192, bytes: 8192 * 64 * attention, share: attention / 6 },
    },
    ...{ bytes, predicted: 0.9 * kld, kld: ends(kld, half), kld99: 7 * kld },
    ...{ same: ends(1 - 0.8 * kld, half), loss: ends(0.5 * kld, half) },
  };
}

/** The third plan is the answer; the fourth broke the limit on the samples that confirm. */
export function fit(shape: Shape, own: Partial<Fit> = {}): Fit {
  const held = provenance({ ...shape, text: "wiki" });
  const confirmed: Fit["confirmed"] = [
    { ...row(dropOf(3), 900_000, 0.02), keeps: "yes" },
    { ...row(dropOf(4), 850_000, 0.034), keeps: "yes" },
    { ...row(dropOf(5), 820_000, 0.045), keeps: "yes" },
    { ...row(dropOf(5, [1]), 800_000, 0.058), keeps: "no" },
  ];
  return {
    ...head(fitKind),
    provenance: held,
    confirming: { ...held, packing: { ...held.packing, skip: 4 } },
    calibration: provenance(shape),
    aims: [{ of: "kld", amount: 0.05 }],
    file: { format: "gguf", original: 1_000_000, whole: 1_000_000 },
    measured: [
      { module: "embedding", layer: null, to: "Q4_0", saved: 90_000, kld: 0.03 },
      { module: "mlp", layer: 0, to: "Q4_0", saved: 20_000, kld: 0.004 },
      { module: "attention", layer: 1, to: "nothing", saved: 20_000, kld: 0.012 },
    ],
    prediction: { ratio: 1.1, again: false },
    curve: [0, 1, 2, 3, 4, 5].map((i) => ({ saved: 40_000 * i, kld: 0.002 * i ** 2 })),
    looks: [row(dropOf(4), 850_000, 0.036), row(dropOf(5), 820_000, 0.047)],
    confirmed,
    answer: 2,
    baselines: [
      { ...row(dropOf(5), 815_000, 0.09), by: "uniform", type: "Q4_0" },
      { ...row(dropOf(4), 818_000, 0.07), by: "rule", type: "Q4_0" },
      { ...row(dropOf(0, [1, 2, 4]), 819_000, 0.6, 0.05), by: "drops", type: null },
    ],
    plan: {
      ...head(planKind),
      ...{ model: held.model.name, layers: shape.layers, target: "types", by: "kl", seed: null },
      ...confirmed[2].drop,
      order: [],
    },
    times: null,
    ...own,
  };
}

/** A limit of perplexity that is met far from the model. */
export const far = (shape: Shape): Fit => {
  const found = fit(shape);
  const confirmed = found.confirmed.map((one) => ({ ...one, kld: ends(0.14, 0.01), same: ends(0.77, 0.01) }));
  return { ...found, aims: [{ of: "perplexity", amount: 0.1 }], confirmed };
};

/** A target beside a limit of accuracy, on weights that no file holds. */
export const onTask = (shape: Shape): Fit => {
  const found = fit(shape);
  const { file: _, ...rest } = found;
  const only = { ...row(dropOf(0, [1, 2]), null, 0.2), keeps: "yes", points: ends(0.8, 0.6) } as const;
  return {
    ...rest,
    aims: [{ of: "accuracy", amount: 2, tasks: ["piqa"] }, { of: "speed", amount: 1.1 }],
    ...{ confirmed: [only], answer: 0, baselines: [], looks: [] },
    times: {
      prefill: { median: 1.05, low: 1.02, high: 1.1 },
      decode: { median: 1.12, low: 1.08, high: 1.15 },
    },
  };
};

/** Nothing keeps the limit. */
export const nothing = (shape: Shape): Fit => {
  const found = fit(shape);
  const confirmed = found.confirmed.slice(0, 1).map((one) => ({ ...one, keeps: "no" as const }));
  return { ...found, aims: [{ of: "kld", amount: 0.01 }], confirmed, answer: null, plan: null };
};
