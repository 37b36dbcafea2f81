/**
 * Every probe on every kind of module: the cells that have to be filled on every engine (probes_test.ts), and how each is run.
 *
 * The cells are written out, so that one which is not run is a failure and not a shorter list. "." is a cell in which the probe has
 * nothing to observe, and has to say so.
 */
import assert from "node:assert/strict";
import type { Engine } from "core/engine/mod.ts";
import { moves, noDrop } from "core/measure/mod.ts";
import type { Model } from "core/models/mod.ts";
import {
  attentionStatsProbe,
  type Blocks,
  effectsProbe,
  embed,
  forward,
  gramProbe,
  LAYER_VALUES,
  normsProbe,
  PREDICTIONS,
  type Probe,
  routingProbe,
  segmentsOf,
  smoothingProbe,
  streamProbe,
  valuesProbe,
  windowsProbe,
} from "core/run/mod.ts";
import { distance, largest } from "../../model.ts";

/** A fixture for each kind of module and of norm placement. */
export const KINDS = {
  llama: "softmax attention, dense MLP, Pre-LN",
  gemma2: "the same, Peri-LN, soft caps and windows",
  olmo2: "the same, norms behind the modules",
  "neox-parallel": "the same, parallel residual, LayerNorm",
  "deepseek-v3": "latent attention, MLP and grouped mixture with shared experts",
  "qwen3-5": "linear and gated softmax attention",
  mixtral: "mixture scored by softmax",
  "gpt-oss": "mixture scored among the chosen, attention sinks",
  "qwen3-next": "linear attention, mixture with a gated shared expert",
};

/** One row a probe, one column a kind. */
const TABLE = `
           llama gemma2 olmo2 neox-parallel deepseek-v3 qwen3-5 mixtral gpt-oss qwen3-next
gram       x     x      x     x             x           x       x       x       x
norms      x     x      x     x             x           x       x       x       x
patterns   x     x      x     x             x           x       x       x       x
smoothing  x     x      x     x             x           x       x       x       x
effects    x     x      x     x             x           x       x       x       x
stream     x     x      x     x             x           x       x       x       x
windows    x     x      x     x             x           x       x       x       x
values     x     x      x     x             x           x       x       x       x
rows       x     x      x     x             x           x       x       x       x
routing    .     .      .     .             x           .       x       x       x
`;

/** A cell's name, and whether there is something to observe. */
const [columns, ...cellsOf] = TABLE.trim().split("\n").map((line) => line.trim().split(/\s+/));
export const CELLS: ReadonlyMap<string, boolean> = new Map(
  cellsOf.flatMap(([probe, ...marks]) =>
    columns.map((kind, i) => [`${probe} on ${kind}`, marks[i] === "x"] as const)
  ),
);

/** The full model, and one without a module of each kind. */
const PLANS = [noDrop, { attention: [1], mlp: [0] }];

/** Values of a layer that need no head (lens_test.ts has those), without the rows of attention. */
const values = LAYER_VALUES.filter((name) =>
  name !== "attention" && !PREDICTIONS.some((reading) => name === `y.${reading}`)
);

/** What a probe is run over. */
type Over = { readonly model: Model; readonly engine: Engine; readonly blocks: Blocks };

/** A probe, ready to run, and what it has seen after the run. */
type Run = { readonly probe: Probe; seen(): unknown };

/** Copies of what `see` is shown, in a list. */
function collected<T>(open: (see: (value: T) => void) => Probe): Run {
  const all: T[] = [];
  const probe = open((value) => void all.push(value));
  return { probe, seen: () => all };
}

/** Every probe that the executor has. */
export const PROBES: Readonly<Record<string, (over: Over) => Run | Promise<Run>>> = {
  gram({ model }) {
    const probe = gramProbe(model.spec.layers);
    return { probe, seen: () => probe.sums };
  },
  norms({ model }) {
    const probe = normsProbe(model.spec.layers.length);
    return { probe, seen: () => probe.layers };
  },
  // Without the share of keys below a threshold, which jumps by a key where a score is on it: attention_stats_test.ts has it.
  patterns({ model }) {
    const { layers } = model.spec;
    const probe = attentionStatsProbe(layers, ({ stats: { belowOnePercent: _, ...stats } }) => stats);
    return { probe, seen: () => probe.stats };
  },
  smoothing({ model, blocks }) {
    const probe = smoothingProbe(model.spec.layers, blocks.length, PLANS.length);
    return { probe, seen: () => probe.plans };
  },
  effects({ model }) {
    const probe = effectsProbe(model.spec.layers, PLANS.length, moves);
    return { probe, seen: () => probe.plans };
  },
  stream: () => collected<Float32Array>((see) => streamProbe((_l, _i, states) => see(states.slice()))),
  async windows({ model, engine, blocks }) {
    const { layers, hidden } = model.spec;
    const { probe, enter, sums } = windowsProbe({ layers: layers.length, hidden, most: 2, lastToken: false });
    for (let i = 0; i < blocks.samples; i++) {
      const ids = blocks.ids.subarray(i * blocks.length, (i + 1) * blocks.length);
      enter(i, await embed(model, engine, ids));
    }
    return { probe, seen: () => sums };
  },
  values: ({ model }) => collected((see) => valuesProbe(model.spec.layers, values, see)),
  rows: ({ model: { spec: { layers } } }) =>
    collected((see) =>
      valuesProbe(
        layers,
        ["attention"],
        ({ attention }) => see([...attention].map(({ data, shape }) => ({ row: data, shape }))),
      )
    ),
  routing({ model }) {
    const probe = routingProbe(model.spec.layers);
    return { probe, seen: () => probe.sums };
  },
};

/** Runs some of the probes together in one pass; gives what each has seen. */
export async function observed(names: readonly string[], over: Over): Promise<unknown[]> {
  const { model, engine, blocks } = over;
  const runs: Run[] = [];
  for (const name of names) runs.push(await PROBES[name](over));
  const probes = runs.map(({ probe }) => probe);
  await forward({ model, engine, segments: segmentsOf(blocks), plans: PLANS, probes });
  return runs.map((run) => run.seen());
}

/** Whether a probe has seen anything: sums begin at 0. */
export function isFilled(seen: unknown): boolean {
  return numbersOf(seen, "").values().some((numbers) => numbers.some((value) => value !== 0));
}

/**
 * Numbers of each name agree, relative to the largest of them: a ratio, a cosine or a sum of squares moves by the relative errors
 * of two states, each of twice `stateTolerance` between the engines; a score by that of the logits, times their size. Gives how many
 * names there are.
 */
export function expectNumbers(what: string, actual: unknown, expected: unknown, most: number): number {
  const [found, wanted] = [actual, expected].map((value) => numbersOf(value, what));
  assert.deepEqual([...found.keys()], [...wanted.keys()]);
  for (const [name, numbers] of wanted) {
    const error = distance(found.get(name)!, numbers) / (largest(numbers) || 1);
    assert.ok(error <= most, `${what}, ${name}: relative error ${error}, at most ${most}`);
  }
  return wanted.size;
}

/** All numbers inside something, by the name nearest to them. */
function numbersOf(value: unknown, name: string, into = new Map<string, number[]>()): Map<string, number[]> {
  if (typeof value === "number") into.getOrInsertComputed(name, () => []).push(value);
  else if (value && typeof value === "object") {
    for (const [key, inner] of Object.entries(value)) numbersOf(inner, /^\d+$/.test(key) ? name : key, into);
  }
  return into;
}
