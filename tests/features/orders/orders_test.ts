/** Orders against plain computations: every score from streams and weights, every search with each candidate evaluated alone. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { spearman } from "core/measure/mod.ts";
import type { UpdateTaps } from "core/models/mod.ts";
import { type DropOrder, guides, makePlan, order } from "features/orders/mod.ts";
import type { DropPlan, Probe } from "core/run/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { sweep } from "features/sweep/mod.ts";
import { packText, type StudyModel } from "core/subject/mod.ts";
import { pass } from "../../model.ts";
import { heard, isThorough, near as nearTo, thorough, UNIT } from "../../support.ts";
import { withTiny, withTrained } from "../../core/study/tiny.ts";

const text = { text: fileURLToPath(new URL("../../../LICENSE", import.meta.url)), samples: 2, length: 24 };
const packed = { ...text, skip: 0, bos: false };

/** What a run in another order of sums may differ by: nats of some ten, over some thirty products of D = 96 terms in a row. */
const NATS = 10 * 2 * 30 * Math.sqrt(96) * UNIT;
/** Scores are of vectors that differ as much: relative to 1. */
const SCORE = NATS / 10;
const near = (a: number | null, b: number, tolerance: number, what?: string) =>
  nearTo(a ?? NaN, b, tolerance, what);

type Tokens = Float32Array[];
/** The vectors of every token, by layer. */
async function vectorsOf(model: StudyModel, name: "x" | "a" | "m" | "y"): Promise<Tokens[]> {
  const { blocks } = await packText(model, packed);
  const { hidden, layers } = model.spec;
  const found: Tokens[] = layers.map(() => []);
  const probe: Probe = {
    update: (taps: UpdateTaps) => ({ wanted: taps[name]! }),
    observeUpdate({ layer, outputs }) {
      const data = outputs.wanted.data as Float32Array;
      for (let t = 0; t < data.length; t += hidden) found[layer].push(data.slice(t, t + hidden));
    },
  };
  await pass(model, blocks, [probe]);
  return found;
}

/** Mean over tokens, all or the last of each sample. */
function plainly(x: Tokens, y: Tokens, last: boolean) {
  const tokens = x.map((_, t) => t).filter((t) => !last || (t + 1) % text.length === 0);
  const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const cosines = tokens.map((t) => dot(x[t], y[t]) / Math.sqrt(dot(x[t], x[t]) * dot(y[t], y[t])));
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const update = (t: number) => y[t].map((value, i) => value - x[t][i]);
  return {
    importance: mean(cosines.map((cosine) => 1 - cosine)),
    angular: mean(cosines.map((cosine) => Math.acos(cosine) / Math.PI)),
    magnitude: mean(tokens.map((t) => Math.sqrt(dot(update(t), update(t)) / dot(x[t], x[t])))),
  };
}

for (const name of ["pre-ln", "peri-ln"]) {
  Deno.test(`${name}: every window's score is that of the streams at its ends, and each size is in order`, () =>
    withTrained(name, async (model) => {
      const entering = await vectorsOf(model, "x");
      const streams = [...entering, (await vectorsOf(model, "y")).at(-1)!];
      for (const by of ["importance", "magnitude", "angular", "angular-last"] as const) {
        const [key, last] = by === "angular-last" ? ["angular", true] as const : [by, false];
        const found = await order(model, { ...text, target: "consecutive", by, upto: 8 });
        assert.equal(found.order.length, 8 * 9 / 2);
        for (const { layer, size, score } of found.order) {
          const wanted = plainly(streams[layer], streams[layer + size], last)[key];
          near(score, wanted, SCORE * Math.max(1, wanted), `${by} of ${size} from ${layer}`);
        }
        for (let size = 1; size <= 8; size++) {
          const own = found.order.filter((entry) => entry.size === size);
          assert.equal(own.length, 9 - size);
          own.forEach(({ score }, i) => assert.ok(i === 0 || own[i - 1].score! <= score!));
          const { attention, mlp } = makePlan(found, { drop: size });
          assert.deepEqual(attention, Array.from({ length: size }, (_, i) => own[0].layer + i));
          assert.deepEqual(mlp, attention);
        }
      }
      const { block } = await profile(model, text);
      const single = await order(model, { ...text, target: "consecutive", upto: 1 });
      for (const { layer, score } of single.order) {
        near(score, block.importance[layer]!, SCORE, "window of one");
      }
    }));
}

Deno.test("the angular distance of a module is between the stream before and behind it", () =>
  withTrained("pre-ln", async (model) => {
    const [x, a, m] = [await vectorsOf(model, "x"), await vectorsOf(model, "a"), await vectorsOf(model, "m")];
    const sum = (p: Tokens, q: Tokens) => p.map((vector, t) => vector.map((value, i) => value + q[t][i]));
    for (const [by, last] of [["angular", false], ["angular-last", true]] as const) {
      const found = await order(model, { ...text, target: "joint", by });
      assert.equal(found.order.length, 16);
      for (const { module, layer, score } of found.order) {
        const h = sum(x[layer], a[layer]);
        const ends = module === "attention" ? [x[layer], h] as const : [h, sum(h, m[layer])] as const;
        near(score, plainly(...ends, last).angular, SCORE, `${by} of ${module} ${layer}`);
      }
    }
  }));

/** What plans of the trained model cost alone, for all tests. */
const costs = new Map<string, Promise<{ loss: number; kl: number }>>();

/** The loss and the divergence of one plan of the trained model, which runs with the full model alone. */
function alone(model: StudyModel, drop: Partial<DropPlan>) {
  const { attention = [], mlp = [] } = drop;
  const key = JSON.stringify([attention, mlp]);
  const found = costs.get(key) ??
    perplexities(model, [{}, drop], text).then(([full, run]) => ({ loss: run.nll - full.nll, kl: run.kl }));
  costs.set(key, found);
  return found;
}

Deno.test("loss and kl are those of the module, or the window, removed alone", () =>
  withTrained("pre-ln", async (model) => {
    const byLoss = await order(model, { ...text, target: "joint", by: "loss" });
    const byKl = await order(model, { ...text, target: "joint", by: "kl" });
    for (const { module, layer, score } of byLoss.order) {
      const { loss, kl } = await alone(model, { [module]: [layer] });
      near(score, loss, NATS, `loss of ${module} ${layer}`);
      const same = byKl.order.find((entry) => entry.module === module && entry.layer === layer)!;
      near(same.score, kl, NATS, `kl of ${module} ${layer}`);
    }
    assert.equal(byKl.order.length, 16);
    const windows = await order(model, { ...text, target: "consecutive", by: "loss", upto: 2 });
    for (const { layer, size, score } of windows.order) {
      if (layer % 2 && !isThorough) continue;
      const blocks = Array.from({ length: size }, (_, i) => layer + i);
      const { loss } = await alone(model, { attention: blocks, mlp: blocks });
      near(score, loss, NATS, `${size} from ${layer}`);
    }
    near(windows.nll, (await perplexities(model, [{}], text))[0].nll, NATS, "full model");
  }));

/** Modules that are left of a target. */
const left = (target: "attention" | "joint", taken: readonly { module: string; layer: number }[]) =>
  (target === "joint" ? ["attention", "mlp"] as const : ["attention"] as const).flatMap((module) =>
    Array.from({ length: 8 }, (_, layer) => ({ module, layer }))
  ).filter((entry) => !taken.some(({ module, layer }) => module === entry.module && layer === entry.layer));

const dropOf = (entries: readonly { module: string; layer: number }[]) => ({
  attention: entries.filter(({ module }) => module === "attention").map(({ layer }) => layer),
  mlp: entries.filter(({ module }) => module === "mlp").map(({ layer }) => layer),
});

for (const target of ["attention", "joint"] as const) {
  (target === "joint" ? Deno.test : thorough)(
    `greedy over ${target}: at every step no other removal costs less, each evaluated alone`,
    () =>
      withTrained("pre-ln", async (model) => {
        const upto = target === "joint" ? 2 : 3;
        const found = await order(model, { ...text, target, by: "greedy", upto });
        assert.equal(found.order.length, upto);
        for (const [step, chosen] of found.order.entries()) {
          const taken = found.order.slice(0, step);
          for (const entry of left(target, taken)) {
            const { loss } = await alone(model, dropOf([...taken, entry]));
            const own = entry.module === chosen.module && entry.layer === chosen.layer;
            if (own) near(chosen.score, loss, NATS, `step ${step}`);
            else assert.ok(chosen.score! <= loss + NATS, `step ${step}: ${entry.module} ${entry.layer}`);
          }
        }
      }),
  );

  Deno.test(`iterative over ${target}: the lowest of what is left, measured with the drops made, nothing skipped`, () =>
    withTrained("pre-ln", async (model) => {
      const found = await order(model, { ...text, target, by: "iterative", upto: 3, unchecked: true });
      assert.equal(found.order.length, 3);
      for (const [step, chosen] of found.order.entries()) {
        const taken = found.order.slice(0, step);
        const measured = await profile(model, { ...text, drop: dropOf(taken) });
        const scores = left(target, taken).map(({ module, layer }) => measured[module].importance[layer]!);
        assert.equal(scores.length, (target === "joint" ? 16 : 8) - step);
        assert.equal(chosen.score, Math.min(...scores));
        assert.equal(chosen.score, measured[chosen.module].importance[chosen.layer]);
      }
    }));
}

Deno.test("a shorter search is the beginning of a kept longer one", () =>
  withTiny(async ({ model, options }) => {
    for (const by of ["greedy", "iterative"] as const) {
      const long = await order(model, { ...options, target: "mlp", by, upto: 3 });
      const { notices, onNotice } = heard();
      const short = await order(model, { ...options, target: "mlp", by, upto: 2, onNotice });
      assert.deepEqual(short.order, long.order.slice(0, 2));
      assert.match(notices.join("\n"), /mlp of .* by .*: \d+ results reused from an earlier run/);
    }
  }));

Deno.test("searches obey constraints at every step, and stop where nothing is left that they allow", () =>
  withTrained("pre-ln", async (model) => {
    const options = {
      ...text,
      target: "attention",
      protectFirst: 1,
      protectLast: 2,
      noNeighbours: true,
    } as const;
    for (const by of ["greedy", "iterative", "loss"] as const) {
      const { notices, onNotice } = heard();
      const { order: found } = await order(model, { ...options, by, onNotice });
      const layers = found.map(({ layer }) => layer).sort((a, b) => a - b);
      const isApart = layers.every((layer, i) =>
        layer >= 1 && layer <= 5 && (i === 0 || layer - layers[i - 1] > 1)
      );
      assert.ok(isApart && layers.length >= 2 && layers.length <= 3, `${layers}`);
      assert.match(notices.join("\n"), /ordered [23] of 5 modules; each of the others is a neighbour/);
    }
  }));

Deno.test("a sweep takes orders beside curves of its profile", () =>
  withTiny(async ({ model, options }) => {
    const measured = await profile(model, options);
    const orders: DropOrder[] = [
      await order(model, { ...options, target: "mlp", by: "greedy", upto: 2 }),
      await order(model, { ...options, target: "consecutive", by: "angular" }),
    ];
    const result = await sweep(model, {
      ...options,
      profile: measured,
      curves: [{ target: "mlp", by: "importance", seed: null }, ...orders],
      steps: [0, 1, 2],
    });
    assert.deepEqual(result.curves.map(({ target, by, points }) => [target, by, points.length]), [
      ["mlp", "importance", 3],
      ["mlp", "greedy", 3],
      ["consecutive", "angular", 3],
    ]);
    const [, greedy, windows] = result.curves;
    near(greedy.points[2].rise, orders[0].order[1].score!, NATS, "greedy's loss, on its own text");
    assert.equal(windows.points[2].drop.attention.length, 2);
  }));

Deno.test("guides: each score's rank correlation with the loss of its module removed alone", () =>
  withTrained("pre-ln", async (model) => {
    const result = await guides(model, { ...text, heldOut: text.text });
    const measured = await profile(model, text);
    for (const { module, by, values, rank, low, high, modules } of result.guides) {
      const loss = result.rise[module];
      assert.equal(modules, 8);
      assert.equal(rank, spearman(values.map((value) => value!), loss.map((value) => value!)));
      assert.ok(rank === 1 ? low === null : low! < rank! && rank! < high!, `${module} ${by}`);
    }
    for (const module of ["attention", "mlp", "block"] as const) {
      const valuesOf = (by: string) => result.guides.find((g) => g.module === module && g.by === by)!.values;
      assert.deepEqual(valuesOf("importance"), measured[module].importance);
      assert.deepEqual(valuesOf("magnitude"), measured[module].relativeMagnitude);
      const angles = await order(model, { ...text, target: module, by: "angular-last" });
      angles.order.forEach(({ layer, score }) => assert.equal(valuesOf("angular-last")[layer], score));
      const layer = 3;
      const drop = { attention: module === "mlp" ? [] : [layer], mlp: module === "attention" ? [] : [layer] };
      const { loss, kl } = await alone(model, drop);
      near(result.rise[module][layer], loss, NATS, module);
      near(valuesOf("kl")[layer], kl, NATS, module);
    }
  }));
