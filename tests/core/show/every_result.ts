/** Small results of every kind, golden and made up: whole ones, and ones with missing modules, several texts, seeds or plans. */
import { eachOf } from "core/entry/mod.ts";
import { head, type Result } from "core/result/mod.ts";
import { type Info, infoKind } from "features/info/mod.ts";
import { type ContextLoss, contextLossKind, perplexityOf } from "features/losses/result.ts";
import { results as forms } from "../result/every_form.ts";
import { perplexity } from "../result/samples.ts";
import { guides, profile, provenance, repairedSweep, sweep } from "./synthetic.ts";
import { causes } from "./synthetic_causes.ts";
import { certificate, checkpoints, untrained } from "./synthetic_studies.ts";
import { bound, llamaSpeed, measuredSpeed, reported } from "./synthetic_speed.ts";
import { compared, evaluation, evaluations, plan } from "./synthetic_tasks.ts";
import { far, fit, nothing, onTask } from "./synthetic_fit.ts";
import { readJson } from "../../fixtures/read.ts";

/** A result of every kind that a study gives, as the golden numbers have them. */
const golden: Readonly<Record<string, Result>> = await readJson("tests/fixtures/results.json");

const { provenance: origin, sums } = perplexity();
const lossWithoutContext: ContextLoss = {
  ...{ ...head(contextLossKind), provenance: origin, sums },
  change: { from: "token", layers: [1, 2], keep: 1, calibration: origin },
};

/** A mixture with two kinds of attention. */
const described: Info = {
  ...head(infoKind),
  model: "mixed",
  revision: "0123456789abcdef0123456789abcdef01234567",
  origin: "the hub, owner/mixed at main",
  licence: null,
  family: "qwen3_next",
  format: "safetensors BF16",
  bytes: 3_000_000,
  layers: 4,
  hidden: 64,
  vocabulary: 32_000,
  trained: 8192,
  attention: [
    { type: "delta", layers: 3, heads: 4, kvHeads: null, headSize: 16, window: null },
    { type: "softmax", layers: 1, heads: 8, kvHeads: 2, headSize: 8, window: 512 },
  ],
  mlp: [
    { type: "dense", layers: 1, width: 256, experts: null, top: null, shared: false },
    { type: "mixture", layers: 3, width: 32, experts: 16, top: 2, shared: true },
  ],
  parameters: { all: 2_500_000, attention: 100_000, mlp: 300_000, embeddings: 2_048_000 },
  kvBytesPerToken: 128,
};

const drops = [
  ...[{}, { attention: [25, 26] }, { mlp: [16] }, { attention: [4, 5], mlp: [5, 4] }, {
    attention: [4],
    mlp: [5],
  }],
];

const [right, wrong] = [32, 0].map((n) => evaluation(n));

const on = { dtype: "tf32", engine: "cuda", runtime: "onnxruntime 1.30.0", device: "NVIDIA H100" };

const bare: Result = Object.assign(causes({ layers: 3 }, { effects: false }), {
  massive: { places: 0, largest: [] },
});

const devices: Result = Object.assign({ computed: [{ ...on, dtype: "float32" }, on] }, forms.compare!);

const { measured } = untrained();
const oneSeed: Result = Object.assign({}, measured, {
  seeds: measured.seeds.slice(0, 1),
  ...eachOf(["attention", "mlp", "block"] as const, (kind) => (
    {
      ...measured[kind],
      bySeed: measured[kind].bySeed.slice(0, 1),
      spread: measured[kind].spread.map(() => null),
    }
  )),
});

/** Lists of results of one kind, by name. */
export const results: Readonly<Record<string, readonly Result[]>> = {
  ...Object.fromEntries(Object.entries(golden).map(([name, result]) => [`golden ${name}`, [result]])),
  "profile": [profile({ layers: 12, mlp: [3], experts: 10 })],
  "profile of a hybrid": [profile({ layers: 3, samples: 1, mixers: ["linear", "linear", "full"] })],
  "perplexities": [perplexity(), perplexity()],
  "losses without context": [lossWithoutContext],
  "perplexities of one sample": drops.map((drop, i) =>
    perplexityOf(provenance({ layers: 30, ...drop }), [{ nll: 200 * i, kl: 1, top1: 60, tokens: 63 }])
  ),
  "sweep": [sweep({ layers: 12 })],
  "sweep with repairs": [repairedSweep({ layers: 12 })],
  "fit": [fit({ layers: 6 })],
  "fit far from the model": [far({ layers: 6 })],
  "fit on a task": [onTask({ layers: 6 })],
  "fit without an answer": [nothing({ layers: 6 })],
  "causes": [causes({ layers: 9, attention: [0, 4], mlp: [4, 8] })],
  "causes without effects": [bare],
  "certificate of a plan": [certificate({ layers: 3 }, { rise: 0, drop: { attention: [1], mlp: [] } })],
  "certificate of one sample": [certificate({ layers: 3, samples: 1 }, { alike: false })],
  "checkpoints": [checkpoints([0, 32, 512], { layers: 4 })],
  "checkpoints without quality": [checkpoints([0, 32], { layers: 4 }, false)],
  "comparison of two devices": [devices],
  "guides": [guides({ layers: 6, attention: [2] })],
  "evaluations": evaluations().slice(0, 3),
  "evaluation of the full model": [right],
  "evaluation of one plan": [right, compared(28, right, { attention: [1] })],
  "evaluations of two plans": [right, ...[28, 20].map((n, i) => compared(n, right, { mlp: [i] }))],
  "evaluation with no right answer": [wrong, compared(0, wrong, { mlp: [3] })],
  "plan": [plan("mlp", 2)],
  "roofline": [bound({ name: "wide", attention: 8, largest: 50, paper: reported(1.12, "fits") })],
  "speed": [measuredSpeed()],
  "speed in llama.cpp": [llamaSpeed()],
  "untrained": [untrained().measured],
  "untrained with one seed": [oneSeed],
  "info": [described],
  ...Object.fromEntries(Object.entries(forms).map(([kind, result]) => [`small ${kind}`, [result]])),
};
