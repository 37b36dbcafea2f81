/** A fit made up for tests: attention may go, MLPs may not, and one plan fails its confirmation. */
import { type Fit, fitKind } from "features/fit/mod.ts";
import { head, planKind } from "core/result/mod.ts";
import { verdictOf } from "features/fit/worth.ts";
import { provenance, type Shape } from "./synthetic.ts";

const cost = (value: number, half: number) => ({ value, low: value - half, high: value + half });

function tried(
  target: "attention" | "mlp",
  dropped: number,
  [value, half]: readonly [number, number],
  keeps: Fit["tried"][number]["keeps"],
  repair?: "linear",
): Fit["tried"][number] {
  const kept = target === "attention" ? dropped : 0;
  const layers = Array.from({ length: dropped }, (_, i) => 5 - i).sort((a, b) => a - b);
  return {
    target,
    by: "importance",
    ...repair ? { repair } : {},
    dropped,
    drop: { attention: target === "attention" && !repair ? layers : [], mlp: target === "mlp" ? layers : [] },
    saves: {
      parameters: dropped * (target === "attention" ? 100 : 300),
      parametersShare: dropped * (target === "attention" ? 0.02 : 0.06),
      kvBytesPerToken: 64 * kept,
      kvShare: kept / 6,
      kv: { context: 8192, bytes: 8192 * 64 * kept, share: kept / 6 },
    },
    cost: cost(value, half),
    keeps,
  };
}

/** Two attention modules are the answer; the third broke the promise on the samples that confirm. */
export function fit(shape: Shape, own: Partial<Fit> = {}): Fit {
  const held = provenance({ ...shape, text: "wiki" });
  const found: Omit<Fit, "verdict"> = {
    ...head(fitKind),
    aim: { of: "loss", amount: 0.05 },
    unit: "nats per token",
    saving: "parameters",
    provenance: held,
    confirming: { ...held, packing: { ...held.packing, skip: 4 } },
    calibration: provenance(shape),
    tried: [
      tried("attention", 1, [0.01, 0.004], "yes"),
      tried("attention", 2, [0.024, 0.01], "yes"),
      tried("attention", 3, [0.04, 0.009], "yes"),
      tried("attention", 4, [0.09, 0.02], "no"),
      tried("mlp", 1, [0.06, 0.02], "cannot tell"),
      tried("mlp", 2, [0.9, 0.1], "no"),
    ],
    confirmed: [
      { tried: 0, cost: cost(0.012, 0.005), keeps: "yes" },
      { tried: 1, cost: cost(0.03, 0.012), keeps: "yes" },
      { tried: 2, cost: cost(0.047, 0.01), keeps: "cannot tell" },
    ],
    answer: 1,
    runnersUp: [],
    plan: {
      ...head(planKind),
      ...{ model: held.model.name, layers: shape.layers, target: "attention", by: "importance", seed: null },
      ...{ attention: [5, 4], mlp: [] },
      order: [{ module: "attention", layer: 5, score: 0.01 }, { module: "attention", layer: 4, score: 0.02 }],
    },
    times: {
      ...{ batch: 1, context: 256 },
      prefill: { median: 1.05, low: 1.02, high: 1.1 },
      decode: { median: 1.12, low: 1.08, high: 1.15 },
    },
    ...own,
  };
  return { ...found, verdict: verdictOf(found) };
}

/** The file can hold no plan that was sought. */
export const untried = (shape: Shape): Fit =>
  fit(shape, { ...nothing(shape), file: { format: "gguf", original: 1000, whole: 1000 }, tried: [] });

/** An MLP saves as much and costs more. */
export const besides = (shape: Shape): Fit =>
  fit(shape, { beside: [{ ...tried("mlp", 1, [0.07, 0.01], "no"), over: cost(0.04, 0.02) }] });

/** Nothing may go. */
export const nothing = (shape: Shape): Fit =>
  fit(shape, {
    ...{ aim: { of: "perplexity", amount: 0.001 }, unit: "nats per token" },
    ...{ confirmed: [], answer: null, plan: null, times: null },
    tried: fit(shape).tried.map((one) => ({ ...one, keeps: "no" })),
  });
