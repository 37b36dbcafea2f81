/** Every study at its smallest: the call, and the command line that comes to the same. What holds for all of them is proven by walking this table. */
import { existsSync } from "node:fs";
import { causes } from "features/causes/mod.ts";
import { certify } from "features/compare/mod.ts";
import { checkpoints } from "features/training/mod.ts";
import { evaluate } from "features/evaluate/mod.ts";
import { fit } from "features/fit/mod.ts";
import { generate } from "features/generate/mod.ts";
import { guides, order } from "features/orders/mod.ts";
import { interactions, perplexities, withoutContext } from "features/losses/mod.ts";
import { spikeConstants, spikes } from "features/observe/mod.ts";
import { profile } from "features/profile/mod.ts";
import { randomInit } from "features/untrained/mod.ts";
import { repair } from "features/repair/mod.ts";
import type { StudyOptions } from "core/study/options.ts";
import { sweep } from "features/sweep/mod.ts";
import { openConfig, openSeries } from "core/subject/mod.ts";
import { type Opened, unjudged } from "./tiny.ts";
import { writeSeries } from "../../features/training/training.ts";

/** The model and its folder, and the options of every study: the text, 4 samples of 16 tokens, what a test adds. */
export type Setting = Pick<Opened, "model" | "folder"> & { readonly options: StudyOptions };

export interface Row {
  /** How its reports begin. */
  readonly label: RegExp;
  run(setting: Setting): Promise<unknown>;
  /** The words of its command; MODEL, TEXT, SERIES, SIZE and CALIBRATION stand for what `wordsOf` puts there. */
  readonly line?: string;
  /** Whether only layers run: not the head, nor the norm before it. */
  readonly isHeadless?: true;
  /** Whether nothing of it is kept. */
  readonly isUnkept?: true;
  /** Runs of graphs after a stop until it is heard, at most; default: none. */
  readonly late?: number;
}

/** Options of a study without a text of its own. */
const apart = ({ engine, results, signal, onProgress, onNotice, memory }: StudyOptions) => (
  { engine, results, signal, onProgress, onNotice, memory }
);
const calibration = ({ text }: StudyOptions) => ({ text: text!, samples: 3, length: 16 });
const small = { samples: 1, length: 16 } as const;
const repairs = { skip: 8, upto: 2, repairSamples: 8 } as const;

/** By the name of the study, and what of it where there are several. */
export const rows: Readonly<Record<string, Row>> = {
  profile: {
    label: /^profile of/,
    line: "profile MODEL TEXT --drop-mlp 0",
    run: ({ model, options }) => profile(model, { ...options, drop: { mlp: [0] } }),
    isHeadless: true,
  },
  perplexity: {
    label: /^perplexity of/,
    line: "perplexity MODEL TEXT --drop-attention 1",
    run: ({ model, options }) => perplexities(model, [{}, { attention: [1] }], options),
  },
  certify: {
    label: /^certificate of/,
    line: "compare MODEL TEXT --drop-mlp 1",
    run: ({ model, options }) => certify(model, { mlp: [1] }, options),
  },
  spikes: {
    label: /^spikes of/,
    run: ({ model, options }) => spikes(model, { ...options, drop: { mlp: [0] } }),
    isHeadless: true,
  },
  "spike-constants": {
    label: /^spike-constants of/,
    run: ({ model, options }) => spikeConstants(model, 1, 2, options),
    isHeadless: true,
  },
  changed: {
    label: /^changed runs of/,
    async run({ model, options }) {
      const { change } = await spikeConstants(model, 1, 2, { ...options, onProgress() {}, onNotice() {} });
      return await perplexities(model, [{}, { mlp: [2] }, {}], { ...options, change });
    },
  },
  context: {
    label: /^values without context of/,
    run: ({ model, options }) =>
      withoutContext(model, {
        ...{ ...options, calibration: calibration(options) },
        ...{ from: ["token", "mean"], keep: 1 },
      }),
  },
  interactions: {
    label: /^interactions of/,
    run: ({ model, options }) =>
      interactions(model, { ...options, drops: [{ mlp: [2] }], types: [{ tables: { embedding: "Q4_0" } }] }),
  },
  causes: {
    label: /^causes in/,
    line: "causes MODEL TEXT --query-stride 2 --effect-samples 1",
    run: ({ model, options }) => causes(model, { ...options, queryStride: 2, effectSamples: 1 }),
    isHeadless: true,
    late: 1,
  },
  evaluate: {
    label: /^evaluation of/,
    line: "evaluate MODEL --tasks openbookqa,lambada_openai --limit 2 --prompts 0 --drop-attention 1",
    run: ({ model, options }) =>
      evaluate(model, [{}, { attention: [1] }], {
        ...{ ...apart(options), tasks: ["openbookqa", "lambada_openai"], limit: 2, prompts: 0 },
      }),
  },
  generate: {
    label: /^(?:prompt|text) of/,
    run({ model, options }) {
      const { results: _, ...own } = apart(options);
      return generate(model, [{}, { mlp: [0] }], "the quick", { ...own, tokens: 4 });
    },
    isUnkept: true,
  },
  repair: {
    label: /^layers$/,
    run: ({ model, options }) => repair(model, { attention: [1], mlp: [2] }, { ...options, ...unjudged }),
    isHeadless: true,
    late: 1,
  },
  "order: greedy": {
    label: /^joint of/,
    line: "order MODEL TEXT --target joint --by greedy --upto 2 --protect-last 1",
    run: ({ model, options }) =>
      order(model, { ...options, target: "joint", by: "greedy", upto: 2, protectLast: 1 }),
  },
  "order: iterative": {
    label: /^attention of/,
    line: "order MODEL TEXT --by iterative --upto 2",
    run: ({ model, options }) => order(model, { ...options, target: "attention", by: "iterative", upto: 2 }),
  },
  "order: windows": {
    label: /^consecutive of/,
    line: "order MODEL TEXT --target consecutive --by angular-last",
    run: ({ model, options }) => order(model, { ...options, target: "consecutive", by: "angular-last" }),
    isHeadless: true,
    late: 4,
  },
  guides: {
    label: /^guides to/,
    line: "guides MODEL TEXT --held-out TEXTFILE",
    run: ({ model, options }) => guides(model, { ...options, heldOut: options.text! }),
  },
  sweep: {
    label: /^(?:profile|mlp|repairs by \w+|sweep) of/,
    line: "sweep MODEL TEXT CALIBRATION --target mlp --by importance,loss,random --upto 2",
    run: ({ model, options }) =>
      sweep(model, {
        ...{ ...options, calibration: calibration(options), targets: ["mlp"], upto: 2 },
        by: ["importance", "loss", "random"],
      }),
  },
  "sweep: repairs": {
    label: /^(?:profile|mlp|repairs by \w+|sweep) of/,
    line:
      "sweep MODEL TEXT CALIBRATION --skip 8 --upto 2 --by importance --repair refit,linear --repair-samples 8",
    run: ({ model, options }) =>
      sweep(model, {
        ...{ ...options, ...repairs, calibration: calibration(options) },
        ...{ by: ["importance"], repair: ["refit", "linear"] },
      }),
    late: 22, // a fit of two modules
  },
  "sweep: repairs in sequence": {
    label: /^(?:profile|mlp|repairs by \w+|sweep) of/,
    line:
      "sweep MODEL TEXT CALIBRATION --skip 8 --upto 2 --by deepest --repair refit --repair-samples 8 --sequential",
    run: ({ model, options }) =>
      sweep(model, {
        ...{ ...options, ...repairs, calibration: calibration(options), sequential: true },
        ...{ by: ["deepest"], repair: ["refit"] },
      }),
    late: 22,
  },
  fit: {
    label: /^fit of/,
    line: "fit MODEL TEXT CALIBRATION --kld 9 --targets mlp,attention",
    run: ({ model, options }) =>
      fit(model, {
        ...{ ...options, calibration: calibration(options), kld: 9, targets: ["mlp", "attention"] },
      }),
  },
  checkpoints: {
    label: /^run/,
    line: "checkpoints SERIES TEXT --quality TEXTFILE",
    run: async ({ folder, options }) => {
      if (!existsSync(`${folder}/run`)) await writeSeries(`${folder}/run`, [1, 8]);
      return await checkpoints(await openSeries(`${folder}/run`), { ...options, quality: options.text! });
    },
  },
  "random-init": {
    label: /^random /,
    line: "random-init MODEL --samples 1 --length 16 --seeds 3 --seed 5",
    run: async ({ folder, options }) =>
      randomInit(await openConfig(folder), { ...apart(options), ...small, seeds: 3, seed: 5 }),
    isHeadless: true,
  },
};
