/** What `observe` shows equals what the probes of the studies measure, under plans too, and it fails in plain words. */
import assert from "node:assert/strict";
import { scoring } from "core/models/mod.ts";
import { normsProbe, streamProbe } from "core/run/mod.ts";
import { observe } from "features/observe/mod.ts";
import { generate } from "features/generate/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import type { StudyOptions } from "core/study/options.ts";
import { packText, type StudyModel } from "core/subject/mod.ts";
import { pass } from "../../model.ts";
import { added, engine, near as nearTo } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

/** Sums of float32 products in another order, relative. */
const near = (own: number, theirs: number, where: string) =>
  nearTo(own, theirs, 1e-5 * Math.max(1, Math.abs(theirs)), where);
const sum = (values: Float32Array) => values.reduce((total, value) => total + value, 0);

for (const family of ["llama", "gemma3", "neox-parallel", "olmo2"]) {
  Deno.test(`${family}: the stream, norms and cosines are those of the probes`, () =>
    withTiny(async ({ model, options }) => {
      const { layers } = model.spec;
      const { text, samples, length } = options;
      const size = { samples: samples!, length: length!, skip: 0, bos: false };
      const { blocks } = await packText(model, { text: text!, ...size });
      const norms = normsProbe(layers.length);
      const streams: Float32Array[][] = layers.map(() => []);
      const stream = streamProbe((layer, sample, states) => void (streams[layer][sample] = states.slice()));
      await pass(model, blocks, [norms, stream]);
      const { results: _, ...told } = options;
      const seen = { attention: layers.map(() => 0), mlp: layers.map(() => 0), cosine: layers.map(() => 0) };
      const calls: string[] = [];
      await observe(model, ({ layer, sample, ids, x, a, m, y, ...reduced }) => {
        calls.push(`${layer}.${sample}`);
        assert.deepEqual(ids, blocks.ids.slice(sample * 16, (sample + 1) * 16));
        assert.deepEqual(y.shape, [16, model.spec.hidden]);
        assert.deepEqual(y.data, streams[layer][sample]);
        if (layer > 0) assert.deepEqual(x.data, streams[layer - 1][sample]);
        y.data.forEach((value, i) => near(value, x.data[i] + a.data[i] + m.data[i], `y of layer ${layer}`));
        near(
          reduced["x.norm"].data[3],
          Math.hypot(...x.data.subarray(3 * x.shape[1], 4 * x.shape[1])),
          "norm",
        );
        const column = y.data.filter((_, i) => i % y.shape[1] === 5);
        near(reduced["y.mean"].data[5], sum(column) / 16, "mean");
        seen.attention[layer] += sum(reduced["a.norm"].data);
        seen.mlp[layer] += sum(reduced["m.norm"].data);
        seen.cosine[layer] += sum(reduced["y.cosine"].data);
      }, { ...told, values: ["x", "a", "m", "y", "x.norm", "a.norm", "m.norm", "y.cosine", "y.mean"] });
      assert.equal(calls.length, layers.length * 4);
      assert.deepEqual(calls.slice(0, 5), ["0.0", "0.1", "0.2", "0.3", "1.0"]);
      const { block } = await profile(model, options);
      for (const l of layers.keys()) {
        near(seen.attention[l], added(norms.layers[l].attention)!.norm, `|a| of layer ${l}`);
        near(seen.mlp[l], added(norms.layers[l].mlp)!.norm, `|m| of layer ${l}`);
        near(1 - seen.cosine[l] / 64, block.importance[l]!, `importance of block ${l}`);
      }
    }, family));
}

for (const family of ["llama", "gemma3"]) {
  Deno.test(`${family}: attention rows are shares, none beyond a window, and mix the values as the model does`, () =>
    withTiny(async ({ model, options: { engine } }) => {
      const ids = [(await model.tokenizer()).encode("seven wizards make toxic brew")];
      let rows = 0;
      await observe(model, ({ layer, attention, v, mixed }) => {
        const { heads, kvHeads, headSize, window } = scoring(model.spec.layers[layer].attention)!;
        assert.deepEqual(v.shape.slice(1), [kvHeads, headSize]);
        for (const { query, data, shape } of attention) {
          rows++;
          assert.deepEqual(shape, [heads, query + 1]);
          for (let head = 0; head < heads; head++) {
            const own = data.subarray(head * (query + 1), (head + 1) * (query + 1));
            near(own.reduce((sum, share) => sum + share, 0), 1, `shares of query ${query}`);
            own.forEach((share, key) => assert.equal(share > 0, key > query - (window ?? Infinity)));
            const keyHead = Math.floor(head * kvHeads / heads);
            let value = 0;
            own.forEach((share, key) => value += share * v.data[(key * kvHeads + keyHead) * headSize + 2]);
            const where = `mixed of layer ${layer}, head ${head}, query ${query}`;
            near(mixed.data[(query * heads + head) * headSize + 2], value, where);
          }
        }
      }, { values: ["attention", "v", "mixed"], ids, engine });
      assert.equal(rows, model.spec.layers.length * ids[0].length);
    }, family));
}

Deno.test("layers in which a module does not run are passed over, and what runs is told so far", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const drop = { attention: [1], mlp: [2] };
    const layersOf = async (...names: ("a" | "m" | "x" | "q")[]) => {
      const layers = new Set<number>();
      await observe(model, ({ layer }) => layers.add(layer), { values: names, ...options, drop });
      return [...layers].join(" ");
    };
    const found = [await layersOf("x"), await layersOf("a"), await layersOf("q"), await layersOf("a", "m")];
    assert.deepEqual(found, ["0 1 2", "0 2", "0 2", "0"]);
  }));

Deno.test("a promise of the function is waited for, and a stop stops", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    let [inside, most] = [0, 0];
    await observe(model, async () => {
      most = Math.max(most, ++inside);
      await new Promise((resolve) => setTimeout(resolve, 1));
      inside--;
    }, { values: ["y.norm"], ...options, samples: 2 });
    assert.equal(most, 1);
    const controller = new AbortController();
    const stopped = observe(model, ({ layer }) => {
      if (layer === 1) controller.abort();
      assert.ok(layer < 2);
    }, { values: ["y.norm"], ...options, signal: controller.signal });
    await assert.rejects(stopped, { name: "AbortError" });
  }));

/** Runs that call a function of the user's. */
const calling: Record<string, (own: StudyOptions, model: StudyModel, by: () => unknown) => Promise<unknown>> =
  {
    "observed layers": (own, model, by) => observe(model, by, { ...own, values: ["y.norm"] }),
    "observed logits": (own, model, by) => observe(model, by, { ...own, values: ["entropy"] }),
    "changed values": (own, model, by) =>
      perplexities(model, [{}], { ...own, change: { values: ["a"], by } }),
    "a text under a change": ({ engine, signal }, model, by) =>
      generate(model, [{}], "the quick", { engine, signal, change: { values: ["a"], by } }),
  };
for (const [what, run] of Object.entries(calling)) {
  Deno.test(`${what}: a stop ends a function that never answers, and nothing is left`, () =>
    withTiny(async ({ model, options: { results: _, ...options } }) => {
      const [before, stop] = [engine.live, new AbortController()];
      const never = () => (setTimeout(() => stop.abort()), new Promise(() => {}));
      await assert.rejects(run({ ...options, engine, signal: stop.signal }, model, never), {
        name: "AbortError",
      });
      assert.equal(engine.live, before);
    }));
}
