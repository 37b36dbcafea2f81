/** Results that an earlier state of the code kept: every study finds them, and computes nothing. */
import { curvesOf } from "features/sweep/curves.ts";
import { causes } from "features/causes/study.ts";
import { evaluate } from "features/evaluate/study.ts";
import { openModel, type StudyModel } from "core/subject/model.ts";
import { order } from "features/orders/order.ts";
import { perplexities } from "features/losses/study.ts";
import { profile } from "features/profile/study.ts";
import type { StudyOptions } from "core/study/options.ts";
import { sweep } from "features/sweep/study.ts";
import { checkpoints } from "features/training/study.ts";
import { openSeries } from "core/subject/series.ts";
import type { Engine } from "core/engine/mod.ts";
import { laminaHere } from "../core/command/cli.ts";
import { kept, withTiny } from "../core/study/tiny.ts";
import { writeSeries } from "../features/training/training.ts";
import { recorder } from "./record.ts";

export type Kept = Readonly<Record<string, string>>;

interface Setting {
  readonly model: StudyModel;
  readonly options: StudyOptions & { readonly results: string; readonly engine: Engine };
  readonly run: string;
}

const orders = [
  { target: "attention", by: "importance" },
  { target: "mlp", by: "magnitude" },
  { target: "block", by: "loss" },
  { target: "attention", by: "kl" },
  { target: "joint", by: "greedy", upto: 2 },
  { target: "joint", by: "iterative", upto: 2, noNeighbours: true },
  { target: "block", by: "angular-last", protectFirst: 1 },
  { target: "consecutive", by: "angular" },
  { target: "attention", by: "random", seed: 3 },
  { target: "mlp", by: "deepest" },
] as const;

/** Studies whose results are kept, whole or step by step. */
const studies: Readonly<Record<string, (setting: Setting) => Promise<unknown>>> = {
  profile: ({ model, options }) => profile(model, options),
  "profile without modules": ({ model, options }) =>
    profile(model, { ...options, drop: { attention: [2, 0], mlp: [1] } }),
  perplexities: ({ model, options }) =>
    perplexities(model, [{}, { attention: [2, 0] }, { mlp: [1] }, { attention: [1], mlp: [1, 2] }], options),
  causes: ({ model, options }) => causes(model, { ...options, effectSamples: 1 }),
  evaluate: ({ model, options: { engine, results } }) =>
    evaluate(model, [{ attention: [1] }, { attention: [0], mlp: [2] }], {
      ...{ engine, results, prompts: 1 },
      ...{ tasks: ["openbookqa"], limit: 2 },
    }),
  sweep: async ({ model, options }) =>
    await sweep(model, {
      ...options,
      profile: await profile(model, options),
      curves: curvesOf("block", 1),
      steps: [0, 1],
    }),
  checkpoints: async ({ run, options }) =>
    await checkpoints(await openSeries(run), { ...options, quality: options.text }),
  ...Object.fromEntries(orders.map((asked) => [
    `order of ${asked.target} by ${asked.by}`,
    ({ model, options }: Setting) => order(model, { ...options, ...asked }),
  ])),
};

/** A tiny model and a series, in folders whose names do not change. */
async function withSetting(on: Engine, use: (setting: Setting) => Promise<void>): Promise<void> {
  await withTiny(async ({ folder, options }) => {
    const run = `${folder}/run`;
    await writeSeries(run, [1, 8]);
    await Deno.symlink(folder, `${folder}/tiny`);
    using model = await openModel(`${folder}/tiny`);
    await use({ model, run, options: { ...options, samples: 2, engine: on } });
  });
}

/** Studies divided over machines, as command lines. */
const lines: Readonly<Record<string, readonly string[]>> = {
  profile: ["profile", "--drop-mlp", "0"],
  perplexity: ["perplexity", "--drop-attention", "1"],
  greedy: ["order", "--by", "greedy", "--target", "joint", "--upto", "2"],
  iterative: ["order", "--by", "iterative", "--upto", "2"],
  sweep: ["sweep", "--by", "importance,loss,random", "--upto", "2", "--calibration-samples", "3"],
  causes: ["causes"],
  "random-init": ["random-init", "--seeds", "3"],
};

/** The key of a divided study, and the files of its shards. */
export interface Division {
  readonly key: string;
  readonly depends: Readonly<Record<string, string>>;
  readonly files: readonly string[];
}

/** Plans a command for two machines. */
async function divided({ run, options }: Setting, line: readonly string[]): Promise<Division> {
  const [command, ...asked] = line;
  const words = [
    ...["shards", "--parts", "2", command, `${run}/../tiny`, ...asked],
    ...command === "random-init" ? [] : ["--text", options.text!],
    ...command === "sweep" ? ["--calibration-text", options.text!, "--calibration-length", "16"] : [],
    ...["--samples", "2", "--length", "16", "--engine", "cpu"],
  ];
  const { code, out, err } = await laminaHere(options.results, ...words);
  if (code !== 0) throw new Error(`Cannot divide ${command}: ${err}`);
  const { key, depends, shards } = JSON.parse(out);
  return { key, depends, files: shards.map(({ file }: { file: string }) => file) };
}

export async function divisions(): Promise<Record<string, Division>> {
  const found: Record<string, Division> = {};
  await withSetting(recorder(new Map()).engine, async (setting) => {
    for (const [name, line] of Object.entries(lines)) found[name] = await divided(setting, line);
  });
  return found;
}

export async function makeKept(): Promise<Kept> {
  const found: Record<string, string> = {};
  await withSetting(recorder(new Map()).engine, async (setting) => {
    for (const study of Object.values(studies)) await study(setting);
    const { results } = setting.options;
    for (const name of kept(results)) found[name] = await Deno.readTextFile(`${results}/${name}`);
  });
  return found;
}

/** Studies that compute something though these results are kept, with why; results that none of them needs. */
export async function computedAgain(before: Kept): Promise<string[]> {
  const found: string[] = [];
  const idle: Engine = {
    ...recorder(new Map()).engine,
    compile: () => Promise.reject(new Error("it computes again what was kept")),
  };
  await withSetting(idle, async (setting) => {
    const { results } = setting.options;
    await Deno.mkdir(results);
    for (const [name, text] of Object.entries(before)) await Deno.writeTextFile(`${results}/${name}`, text);
    for (const [name, study] of Object.entries(studies)) {
      const notices: string[] = [];
      const onNotice = (line: string) => notices.push(line);
      await study({ ...setting, options: { ...setting.options, onNotice } }).catch((error) =>
        found.push([`${name}: ${error.message}`, ...notices].join("; "))
      );
    }
    const added = kept(results).filter((name) => !(name in before));
    found.push(...added.map((name) => `${name} is new`));
  });
  return found;
}
