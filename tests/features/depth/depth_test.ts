/**
 * Depth beside Hugging Face's streams h_0 … h_L in float64. Each is off by at most its tolerance τ (model.ts) of its largest element in
 * every one of D elements: e = τ · max|h| · √D as a vector, and a difference of two by both. A direction of a vector v turns by at most
 * asin(e / |v|) ≤ π/2 · e / |v|, an angle by that of both sides, a cosine by as much in radians. Progress u·w / |w|² moves by
 * |u| e_w / |w|² + e_u / |w| + 2 |u| e_w / |w|², to first order; a tenth more is for the rest. Lenses are those of `observe`.
 */
import assert from "node:assert/strict";
import { type DepthSums, effectiveDepth } from "features/depth/measures.ts";
import { merge } from "core/result/mod.ts";
import { depth } from "features/depth/mod.ts";
import { logits, observe } from "features/observe/mod.ts";
import { packText } from "core/subject/mod.ts";
import { philox } from "core/tensor/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { engineWith, largest, stateTolerance } from "../../model.ts";
import { engine, near } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

type Vector = Float64Array<ArrayBuffer>;
const dot = (a: Vector, b: Vector) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const norm = (a: Vector) => Math.sqrt(dot(a, a));
const minus = (a: Vector, b: Vector) => a.map((value, i) => value - b[i]);
const unit = (a: Vector) => a.map((value) => value / norm(a));
/** Kahan's angle in radians, which keeps its digits. */
function angle(a: Vector, b: Vector): number {
  const [u, v] = [unit(a), unit(b)];
  return 2 * Math.atan2(norm(minus(u, v)), norm(u.map((value, i) => value + v[i])));
}

type Bounded = { readonly value: number; readonly most: number };
const PI = Math.PI;

/** The path of one token, each number with how far off it may be. */
function expected(h: readonly Vector[], e: readonly number[]): Record<string, Bounded[]> {
  const last = h.length - 1;
  const turned = (v: Vector, error: number) => Math.min(PI, PI / 2 * error / norm(v));
  const between = (a: Vector, b: Vector, ea: number, eb: number) => (
    { value: 180 / PI * angle(a, b), most: 180 / PI * (turned(a, ea) + turned(b, eb)) }
  );
  const layers = Array.from({ length: last }, (_, l) => l);
  const update = (l: number) => minus(h[l + 1], h[l]);
  const w = minus(h[last], h[0]);
  const ew = e[last] + e[0];
  return {
    step: layers.map((l) => between(h[l], h[l + 1], e[l], e[l + 1])),
    turn: layers.slice(1).map((l) => between(update(l - 1), update(l), e[l - 1] + e[l], e[l] + e[l + 1])),
    left: layers.map((l) => between(h[l], h[last], e[l], e[last])),
    progress: layers.map((l) => {
      const u = minus(h[l], h[0]);
      const moved = 3 * norm(u) * ew / dot(w, w) + (l > 0 ? e[l] + e[0] : 0) / norm(w);
      return { value: dot(u, w) / dot(w, w), most: 1.1 * moved };
    }),
    sign: layers.map((l) => ({
      value: dot(update(l), h[l]) / norm(update(l)) / norm(h[l]),
      most: turned(update(l), e[l] + e[l + 1]) + turned(h[l], e[l]),
    })),
  };
}

const order = (logits: Float32Array) => [...logits.keys()].sort((a, b) => logits[b] - logits[a] || a - b);

function softmax(logits: Float32Array): number[] {
  const most = Math.max(...logits);
  const all = [...logits].map((z) => Math.exp(z - most));
  const sum = all.reduce((a, b) => a + b);
  return all.map((p) => p / sum);
}

for (const name of ["llama", "gemma2", "gemma3", "neox-parallel", "gpt2", "qwen3-next"]) {
  Deno.test(`${name}: depth is that of Hugging Face's streams, its lenses those of observe`, () =>
    withTiny(async ({ model, folder, options }) => {
      const { tensors } = await fixture(name);
      const { shape: [samples, length], data: ids } = tensors.get("ids")!;
      const { spec: { layers: { length: layers }, hidden, vocabulary } } = model;
      const text = `${folder}/ids.json`;
      const rows = Array.from({ length: samples }, (_, i) => [...ids.subarray(i * length, (i + 1) * length)]);
      await Deno.writeTextFile(text, JSON.stringify(rows));
      const asked = { ...options, text, samples, length };
      const found = await depth(model, { ...asked, stride: 1, rows: length });

      const names = [...Array.from({ length: layers }, (_, l) => `x.${l}`), "final"];
      const streams = names.map((name) => tensors.get(name)!.data as Float32Array);
      const e = streams.map((data) => stateTolerance(model.spec) * largest(data) * Math.sqrt(hidden));
      const rowOf = (t: number) => (data: Float32Array) =>
        Float64Array.from(data.subarray(t * hidden, (t + 1) * hidden));
      const tokens = Array.from({ length: samples * length }, (_, t) => expected(streams.map(rowOf(t)), e));
      for (const measure of ["step", "turn", "left", "progress", "sign"] as const) {
        for (const [s, sums] of found.samples.entries()) {
          const own = tokens.slice(s * length, (s + 1) * length).map((token) => token[measure]);
          for (const l of own[0].keys()) {
            const { over, under } = sums[measure][l];
            assert.equal(under, length);
            const [value, most] = (["value", "most"] as const).map((key) =>
              own.reduce((sum, token) => sum + token[l][key], 0)
            );
            near(over, value, most, `${measure} ${l}, sample ${s}`);
          }
        }
      }
      assert.equal(found.measures.turn.at(-1), null);

      const lens = Array.from({ length: samples }, (): Float32Array[] => []);
      const { results: _, ...reading } = asked;
      await observe(model, ({ layer, sample, ...seen }) => {
        lens[sample][layer] = seen["y.logits"].data.slice();
      }, { ...reading, values: ["y.logits"] });
      const counts = Map.groupBy(ids, (id) => id);
      const often = [...counts].sort(([a, m], [b, n]) => n.length - m.length || a - b);
      const frequent = often.slice(0, 10).map(([id]) => id);
      assert.deepEqual(found.frequent, frequent);
      const theirs = tensors.get("logits")!.data as Float32Array;
      for (const [s, sums] of found.samples.entries()) {
        for (let l = 0; l < layers; l++) {
          const total = { kl: 0, overlap: 0, frequent: 0, revised: 0 };
          for (let t = 0; t < length; t++) {
            const row = (data: Float32Array, t: number) =>
              data.subarray(t * vocabulary, (t + 1) * vocabulary);
            const [final, own] = [row(lens[s][layers - 1], t), row(lens[s][l], t)];
            const [best, mine] = [order(final), order(own)];
            assert.equal(best[0], order(row(theirs, s * length + t))[0], "the final choice is theirs");
            total.kl += divergence(final, own);
            total.overlap += mine.slice(0, 5).filter((id) => best.slice(0, 5).includes(id)).length / 5;
            total.frequent += Number(frequent.includes(mine[0]));
            total.revised += Number(mine[0] !== best[0]);
          }
          // Logits of both readings differ by float32's rounding alone: KL by twice what they move by.
          const most = 2 * length * stateTolerance(model.spec) * largest(lens[s][l]);
          near(sums.kl[l].over, total.kl, most, `KL ${l}`);
          for (const measure of ["overlap", "frequent", "revised"] as const) {
            near(sums[measure][l].over, total[measure], 1e-9, `${measure} ${l}, sample ${s}`);
          }
        }
        assert.equal(sums.kl[layers - 1].over, 0);
        assert.equal(sums.overlap[layers - 1].over, length);
      }
    }, name));
}

/** KL of two rows of logits, float64. */
function divergence(full: Float32Array, other: Float32Array): number {
  const [p, q] = [softmax(full), softmax(other)];
  return p.reduce((sum, value, v) => sum + value * Math.log(value / q[v]), 0);
}

for (const name of ["llama", "neox-parallel", "gemma3"]) {
  Deno.test(`${name}: behind a layer, the stream passes the last one as if all between were dropped`, () =>
    withTiny(async ({ model, options }) => {
      const [samples, length] = [3, 32];
      const { samples: sums } = await depth(model, { ...options, samples, length, stride: 2, rows: 8 });
      const { blocks: { ids } } = await packText(model, {
        text: options.text!,
        samples,
        length,
        skip: 0,
        bos: false,
      });
      const { layers: { length: layers }, vocabulary } = model.spec;
      for (const [s, own] of sums.entries()) {
        const text = ids.subarray(s * length, s * length + 4); // the first eighth
        const full = await logits(model, text, { engine });
        for (let l = 0; l < layers; l++) {
          const between = Array.from({ length: Math.max(0, layers - 2 - l) }, (_, i) => l + 1 + i);
          const { data } = await logits(model, text, { engine, drop: { attention: between, mlp: between } });
          const rows = [1, 3].map((t) =>
            [full.data, data].map((all) => all.subarray(t * vocabulary, (t + 1) * vocabulary))
          );
          const kl = rows.reduce((sum, [a, b]) => sum + divergence(a, b), 0);
          assert.equal(own.again[l].under, 2);
          // Both KL are of float32 logits that differ by their rounding: twice as much for each token.
          const most = 2 * 2 * stateTolerance(model.spec) * largest(full.data);
          near(own.again[l].over, kl, most, `${l}`);
        }
        assert.ok(own.again[0].over > 0.001);
        assert.deepEqual(own.again.slice(-2).map(({ over }) => over), [0, 0]);
      }
    }, name));
}

Deno.test("parts of depth with another text's frequent tokens are refused", () =>
  withTiny(async ({ model, options }) => {
    const [one, next] = [await depth(model, options), await depth(model, { ...options, skip: 4 })];
    const differs = /they differ in the most frequent tokens/;
    assert.throws(() => merge([{ ...one, frequent: [1] }, { ...next, frequent: [2] }]), differs);
  }));

/** Samples of one token whose means by layer are these. */
function sums(sign: readonly number[], kl: readonly number[], overlap: readonly number[]): DepthSums {
  const parts = (values: readonly number[]) => values.map((over) => ({ over, under: 1 }));
  return { sign: parts(sign), kl: parts(kl), overlap: parts(overlap) } as unknown as DepthSums;
}

Deno.test("effective depths: the last change of sign, half of the largest KL, an overlap above a fifth, with intervals", () => {
  const one = sums([-1, 1, -0.5, 0.5], [4, 5, 2, 0], [0, 0.2, 0.21, 1]);
  const at = (value: number) => ({ value, low: null, high: null });
  assert.deepEqual(effectiveDepth([one], "sign"), at(1));
  assert.deepEqual(effectiveDepth([one], "kl"), at(0.75));
  assert.deepEqual(effectiveDepth([one], "overlap"), at(0.75));
  assert.deepEqual(effectiveDepth([one, one, one], "kl"), { value: 0.75, low: 0.75, high: 0.75 });
  const early = sums([1, 1, 1, 1], [4, 1, 1, 0], [1, 1, 1, 1]);
  assert.equal(effectiveDepth([early, early], "sign"), null);
  const mixed = effectiveDepth([one, one, early, early], "kl")!;
  // Behind layer 1 the samples differ by more than t of 3 degrees of freedom allows; layer 3 is nearer than half in all of them.
  assert.deepEqual([mixed.low, mixed.high], [0.5, 1]);
  // One sample of four changes its sign: the others leave open whether there is a change.
  const turned = sums([-5, 1, 1, 1], [1, 0, 0, 0], [1, 1, 1, 1]);
  assert.deepEqual(effectiveDepth([turned, early, early, early], "sign"), at(0.5));
});

Deno.test("intervals of effective depths hold the true one in 93 % of runs at least, from two samples on", () => {
  const [layers, runs] = [12, 400];
  // True means by layer: the sign turns behind layer 4; half of the KL, 3, is passed behind layer 6; an overlap of 0.2 behind layer 8.
  const truths = { sign: 5, kl: 7, overlap: 9 } as const;
  const means = {
    sign: (l: number) => l - 3.5,
    kl: (l: number) => 6 - l / 1.9,
    overlap: (l: number) => l / 39,
  };
  for (const samples of [2, 4, 8, 32]) {
    for (const name of ["sign", "kl", "overlap"] as const) {
      const covered = Array.from({ length: runs }, (_, run) => {
        const drawn = Array.from(
          { length: samples },
          (_, i) =>
            Object.fromEntries(
              Object.entries(means).map(([measure, mean], m) => [
                measure,
                Array.from({ length: layers }, (_, l) => {
                  const [u, v] = philox([i, run, l, m], [samples, 1]).map((word) => (word + 0.5) / 2 ** 32);
                  const noise = Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
                  return { over: mean(l) + noise * (name === "overlap" ? 0.05 : 1), under: 1 };
                }),
              ]),
            ) as unknown as DepthSums,
        );
        const found = effectiveDepth(drawn, name);
        const truth = truths[name] / layers;
        return !found || found.low === null || (found.low <= truth && truth <= found.high!);
      });
      const share = covered.filter(Boolean).length / runs;
      assert.ok(share >= 0.93, `${name}, ${samples} samples: ${share}`);
    }
  }
});

Deno.test("a dropped block passes the stream on, a stride and rows choose tokens, and a result is kept by them", () =>
  withTiny(async ({ model, options }) => {
    const drop = { attention: [1], mlp: [1] };
    const { measures, samples } = await depth(model, { ...options, drop, stride: 4, rows: 2 });
    assert.equal(measures.step[1]!.value, 0);
    assert.deepEqual([measures.turn[0], measures.turn[1], measures.sign[1]], [null, null, null]);
    assert.deepEqual([samples[0].step[0].under, samples[0].kl[0].under], [4, 2]);
    const other = await depth(model, { ...options, drop, stride: 2, rows: 3 });
    assert.deepEqual([other.samples[0].step[0].under, other.samples[0].kl[0].under], [8, 3]);
    // A head that is read in slices of three words finds the same tokens.
    const { hidden } = model.spec;
    const sliced = engineWith({ bindingBytes: 3 * 4 * hidden });
    const whole = await depth(model, { ...options, results: undefined, engine });
    const parts = await depth(model, { ...options, results: undefined, engine: sliced });
    for (const measure of ["overlap", "frequent", "revised"] as const) {
      assert.deepEqual(parts.measures[measure], whole.measures[measure]);
    }
    const single = await depth(model, { ...options, samples: 1 });
    assert.equal(single.effective.kl?.low, null);
  }));
