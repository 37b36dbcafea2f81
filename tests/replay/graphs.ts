/** The graphs that studies of every fixture compile and run: as the CPU wants them, and as other engines do. */
import { causes } from "features/causes/study.ts";
import { evaluate } from "features/evaluate/study.ts";
import { generate } from "features/generate/generate.ts";
import { observe } from "features/observe/observe.ts";
import { order } from "features/orders/order.ts";
import { perplexities } from "features/losses/study.ts";
import { profile } from "features/profile/study.ts";
import type { StudyModel } from "core/subject/model.ts";
import type { StudyOptions } from "core/study/options.ts";
import type { Engine, Has } from "core/engine/mod.ts";
import { graphsOf, lowerings } from "../core/models/built.ts";
import { named, withTiny } from "../core/study/tiny.ts";
import { withFixture } from "../model.ts";
import { type GraphNames, noted, recorder } from "./record.ts";

/** For each study of a fixture its graphs; the error's message in their place where the study is refused. */
export type Recorded = Readonly<Record<string, readonly string[]>>;
/** All of a list, or those whose turn it is. */
export type Some = <T>(all: readonly T[]) => readonly T[];

type Setting = { readonly model: StudyModel; readonly options: StudyOptions & { readonly engine: Engine } };
type Study = (setting: Setting) => Promise<unknown>;

/** The full model beside plans that leave out an attention, an MLP and a block; layers that every fixture has. */
const plans = [{}, { attention: [1] }, { mlp: [2] }, { attention: [0], mlp: [0] }] as const;
const values = [
  ...["x", "a", "m", "y", "q", "k", "v", "mixed", "x.norm", "a.mean", "y.norm", "a.cosine", "m.cosine"],
  "y.cosine",
] as Parameters<typeof observe>[2]["values"];

const perplexity: Study = ({ model, options }) => perplexities(model, plans, options);
const studies: Readonly<Record<string, Study>> = {
  perplexity,
  profile: ({ model, options }) => profile(model, options),
  causes: ({ model, options }) => causes(model, { ...options, effectSamples: 1 }),
  observe: ({ model, options: { results: _, ...options } }) =>
    observe(model, () => {}, { ...options, values }),
  generate: ({ model, options: { engine } }) =>
    generate(model, [{}, { attention: [1], mlp: [2] }], "the quick", { engine, tokens: 4 }),
  evaluate: ({ model, options: { engine, results } }) =>
    evaluate(model, [{ attention: [1] }], { engine, results, tasks: ["openbookqa"], limit: 2, prompts: 1 }),
};

/** Of some fixtures: one of each kind of module. */
const more: Readonly<Record<string, Study>> = {
  "windows of blocks": ({ model, options }) => order(model, { ...options, target: "consecutive", upto: 2 }),
  "distances of modules": ({ model, options }) =>
    order(model, { ...options, target: "joint", by: "angular-last", unchecked: true }),
  "greedy removal": ({ model, options }) =>
    order(model, { ...options, target: "block", by: "greedy", upto: 2 }),
};

/** Fixtures with one of each kind of module. */
export const KINDS_OF_MODULE = ["llama", "gemma2", "deepseek-v3", "mixtral", "qwen3-5-moe", "gpt-oss"];

/** Bytes of a tensor that an engine takes at once: less than a matrix has, so that modules run in parts. */
const PIECE = 3000;

/** Studies of the same fixtures on an engine that has something else, each as different from the CPU as it can be. */
const elsewhere: readonly (readonly [study: string, label: string, has: Partial<Has>])[] = [
  ["perplexity", "in parts", { bindingBytes: PIECE }],
  ["perplexity", "as on CUDA", lowerings["cuda in float32"]],
  ["evaluate", "as on WebGPU", lowerings.webgpu],
  ["generate", "with neither operator", lowerings["neither operator"]],
];

/** Every graph that studies of a fixture compile: of all studies, or of some. `names` receives what each graph is. */
export async function graphsOfFixture(
  name: string,
  names: GraphNames,
  some: Some = (all) => all,
): Promise<Recorded> {
  const found: Record<string, readonly string[]> = {};
  await withTiny(async ({ model: opened, options }) => {
    const model = named(opened, name);
    const record = async (label: string, study: Study, has: Partial<Has> = {}) => {
      const { engine, during } = recorder(names, has);
      const { results: _, ...given } = options;
      const setting = { model, options: { ...given, samples: 2, engine } };
      try {
        found[label] = await during(() => study(setting));
      } catch (error) {
        const { message } = error as Error;
        if (message.includes("non-finite")) throw error; // no study of a fixture may be refused for that
        found[label] = [message];
      }
    };
    const others = KINDS_OF_MODULE.includes(name)
      ? [
        ...Object.entries(more),
        ...elsewhere.map(([study, label, has]) => [`${study} ${label}`, studies[study], has] as const),
      ]
      : [];
    const all = some([...Object.entries(studies), ...others]);
    for (const [label, study, has] of all) await record(label, study, has);
  }, name);
  return found;
}

/**
 * Every graph of a fixture's layers and ends as each lowering, or some, has it built, with weights stored in each of two
 * types. Nothing runs, so this is quick, and has what no CPU runs: products in bfloat16.
 */
export async function builtGraphs(
  name: string,
  some: Some = (all) => all,
  names?: GraphNames,
): Promise<Recorded> {
  const found: Record<string, readonly string[]> = {};
  await withFixture(name, ({ model: { spec } }) => {
    for (const [label, lowering] of some(Object.entries(lowerings))) {
      const graphs = distinct(spec.layers).flatMap((layer) =>
        (["f32", "bf16"] as const).flatMap((stored) =>
          graphsOf({ ...spec, layers: [layer] }, stored, lowering)
        )
      );
      found[label] = [...new Set(graphs.map((graph) => noted(graph, names)))];
    }
    return Promise.resolve();
  });
  return found;
}

function distinct<Layer>(layers: readonly Layer[]): Layer[] {
  return [...new Map(layers.map((layer) => [JSON.stringify(layer), layer])).values()];
}
