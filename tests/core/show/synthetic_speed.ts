/** Made-up rooflines and measured speeds. */
import { head } from "core/result/mod.ts";
import { type Roofline, rooflineKind, type Speed, speedKind } from "features/speed/mod.ts";
import { provenance } from "../result/samples.ts";

/** A model of 32 layers on a device, full and with attention modules dropped, in batches of 1 to 4096. */
export function bound(
  { name, bits = 16, attention, largest, paper = null }: {
    name: string;
    bits?: 16 | 4;
    attention: number;
    largest: number;
    paper?: Roofline["plans"][number]["paper"];
  },
): Roofline {
  const batches = Array.from({ length: 13 }, (_, i) => 2 ** i);
  const speedupOf = (dropped: number, batch: number) =>
    1 / (1 - dropped / 32 * (0.2 + 0.6 * batch / (batch + 64)));
  const plan = (dropped: number): Roofline["plans"][number] => ({
    drop: { attention: Array.from({ length: dropped }, (_, i) => 32 - dropped + i), mlp: [] },
    weightBytes: 14e9 - dropped * 1e8,
    keyBytes: 5e8 - dropped * 1e7,
    largest: largest + dropped,
    points: batches.map((batch) => {
      const speedup = speedupOf(dropped, batch);
      const own = { batch, fits: batch <= largest, prefill: 1, decode: 2 };
      return { ...own, speedup: { prefill: 1.1, decode: speedup, whole: speedup } };
    }),
    fitting: largest === 0 ? null : { batch: largest, speedup: speedupOf(dropped, largest) },
    throughput: largest === 0 ? null : 1 + dropped / 20,
    most: { batch: 4096, speedup: 1 / (1 - dropped / 32 * 0.8) },
    paper: dropped > 0 ? paper : null,
  });
  return {
    ...head(rooflineKind),
    lamina: "0.1.0",
    model: { name, family: "llama", layers: 32 },
    device: {
      ...{ name: "a6000-ada", title: "NVIDIA RTX 6000 Ada", count: 1 },
      ...{ bandwidth: 960e9, rate: 364.2e12, memory: 48 * 2 ** 30 },
    },
    setting: { input: 2048, output: 2048, bits },
    plans: [plan(0), plan(attention)],
  };
}

/** The paper's number of a made-up model. */
export function reported(
  speedup: number,
  reach: "fits" | "never",
): NonNullable<Roofline["plans"][number]["paper"]> {
  return { speedup, accuracies: [70, 69], gamma: 1 / (100 * (speedup - 1)), rooflineGamma: 0.1, reach };
}

/** The same in llama.cpp. */
export function llamaSpeed(): Speed {
  const { points, ...speed } = measuredSpeed();
  return {
    ...speed,
    computed: { dtype: "as stored", engine: "llama.cpp", runtime: "llama.cpp 0.5.0" },
    points: points.map(({ parts: _, plans, ...point }) => ({
      ...point,
      plans: plans.map(({ roofline: _, predicted: _none, ...plan }) => plan),
    })),
  };
}

/** Half and a quarter of 8 attention modules dropped, at two contexts. */
export function measuredSpeed(): Speed {
  const plans = [0, 2, 4].map((dropped) => ({
    drop: { attention: Array.from({ length: dropped }, (_, i) => 8 - dropped + i), mlp: [] },
    weightBytes: 5e8 - dropped * 1e7,
  }));
  const near = (median: number) => ({ median, low: median * 0.97, high: median * 1.04 });
  return {
    ...head(speedKind),
    lamina: "0.1.0",
    model: provenance().model,
    computed: { dtype: "float32", engine: "cpu", runtime: "onnxruntime 1.30.0" },
    ...{ repeat: 3, new: 16, seed: 0, plans },
    points: [128, 1024].map((context) => ({
      batch: 1,
      context,
      parts: {
        ...{ bandwidth: 2e10, rate: 1e11, keyBandwidth: 1e10, keyRate: 5e10 },
        ...{ attention: 5e-5, mlp: 2e-5, step: 1e-3 },
      },
      plans: [0, 2, 4].map((dropped) => {
        const ratio = 1 / (1 - dropped / 8 * (0.2 + context / 4096));
        return {
          keyBytes: (8 - dropped) * context * 1024,
          prefill: near(1 / ratio),
          decode: near(0.03 / ratio),
          speedup: { prefill: near(ratio), decode: near(1.02 * ratio), whole: ratio },
          roofline: { prefill: ratio - 0.02, decode: ratio - 0.05, whole: ratio - 0.03 },
          predicted: { prefill: ratio, decode: ratio, whole: ratio },
          gamma: null,
        };
      }),
    })),
  };
}
