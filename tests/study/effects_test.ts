/**
 * How far plans move later updates, beside Hugging Face's in float64. An update is off by τ of its largest element at most (`stateTolerance`),
 * so as a vector by τ √D |u| or less where tokens are about equally long; e = u′ − u by both updates' errors, its parts turn by the stream's,
 * and |u| divides: (2 + 3 r) τ √D of a token's ratio r, where |u′| ≤ (1 + r) |u|. Worst measured: a
 * thousandth of it, since errors have random signs.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { distances, MODULES, moves } from "../../src/measure/mod.ts";
import { effectsOrder, merge, type Perplexity } from "../../src/result/mod.ts";
import { divisionOf, perplexities, studies } from "../../src/study/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { stateTolerance } from "../support.ts";
import { withBlocks } from "./in_blocks.ts";
import { kept, longText, tinyTokenizer, withTiny } from "./tiny.ts";
import { readJson } from "../fixtures/read.ts";

interface Expected {
  readonly plans: readonly { readonly attention: number[]; readonly mlp: number[] }[];
  readonly models: Readonly<
    Record<string, {
      readonly ids: number[][];
      /** By plan, the full model first, and sample. */
      readonly nll: number[][];
      /** By plan and layer: the sums of each sample along and across the stream. */
      readonly plans: Record<typeof MODULES[number], [along: number[], across: number[]] | null>[][];
    }>
  >;
}
const expected: Expected = await readJson("tests/fixtures/effects.json");

for (const [name, { ids, nll, plans }] of Object.entries(expected.models)) {
  Deno.test(`${name}: later updates move as Hugging Face's in float64`, () =>
    withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
      const text = `${folder}/ids.json`;
      await Deno.writeTextFile(text, JSON.stringify(ids));
      const { spec } = model;
      const [samples, length] = [ids.length, ids[0].length];
      const asked = { ...options, text, samples, length };
      const found = await perplexities(model, expected.plans, { ...asked, effects: true });
      const error = stateTolerance(spec) * Math.sqrt(spec.hidden);
      for (const [p, { effects }] of found.entries()) {
        const { attention, mlp } = expected.plans[p];
        const first = Math.min(...attention.map((l) => 2 * l), ...mlp.map((l) => 2 * l + 1));
        for (const [s, own] of effects!.sums.entries()) {
          assert.ok(Math.abs(own.nll - nll[0][s]) <= 1e-4 * nll[0][s]);
          for (const [l, layer] of spec.layers.entries()) {
            for (const [i, kind] of MODULES.entries()) {
              const reads = layer.residual === "parallel" ? 2 * l : 2 * l + i;
              const theirs = plans[p][l][kind];
              const isBehind = theirs !== null && reads > first;
              assert.equal(own[kind][l] !== null, isBehind, `${kind} ${l} of plan ${p}`);
              if (!isBehind) continue;
              assert.equal(own[kind][l]!.counted, length);
              const r = (theirs[0][s] + theirs[1][s]) / length;
              for (const [side, sum] of [["along", theirs[0][s]], ["across", theirs[1][s]]] as const) {
                const [off, most] = [Math.abs(own[kind][l]![side] - sum), length * (2 + 3 * r) * error];
                assert.ok(off <= most, `${side} of ${kind} ${l}, plan ${p}: off by ${off}, at most ${most}`);
              }
            }
          }
        }
        const rise = effects!.sums.reduce((sum, _, s) => sum + nll[p + 1][s] - nll[0][s], 0) / samples /
          (length - 1);
        assert.ok(Math.abs(effects!.rise!.value - rise) <= 1e-4);
      }
      // Against itself as another model, whose updates are held: the same modules, the same numbers but for last digits.
      using same = await openModel(folder);
      const beside = await perplexities(model, expected.plans, { ...asked, effects: same });
      for (const [p, { effects }] of beside.entries()) {
        for (const side of ["along", "across", "rise"] as const) {
          const [a, b] = [effects![side]!.value, found[p].effects![side]!.value];
          assert.ok(Math.abs(a - b) <= 1e-5 * Math.max(1, Math.abs(b)), `${side}: ${a}, ${b}`);
        }
      }
    }, name));
}

Deno.test("moves: a change along the stream lies along it, one across it across it; tokens without a direction do not count", () => {
  const stream = Float32Array.of(3, 4, 0, 3, 4, 0, 0, 0, 0, 1, 0, 0);
  const update = Float32Array.of(0, 0, 2, 0, 2, 0, 1, 1, 1, 0, 0, 0);
  const moved = Float32Array.of(3, 4, 2, 4, -1, 0, 9, 9, 9, 1, 0, 0); // e = x, e ⊥ x, no stream, no update
  assert.deepEqual(moves.sum(update, moved, stream, 3), { counted: 2, along: 5 / 2, across: 5 / 2 });
  const squares = { difference: 25 + 25 + 192 + 1, reference: 4 + 4 + 3 }; // of all tokens
  assert.deepEqual(distances.sum(update, moved, new Float32Array(0), 3), squares);
});

Deno.test("shards of effects are the whole, a kept result is used again, and is kept apart from one without", () =>
  withTiny(async ({ model, options }) => {
    const plans = [{}, { attention: [1] }, { mlp: [0] }];
    const asked = { ...options, length: 1024, samples: 1, text: await longText(options) };
    const whole = await perplexities(model, plans, { ...asked, samples: 4, effects: true });
    const shards: Perplexity[][] = [];
    for (const skip of [0, 2]) {
      shards.push(await perplexities(model, plans, { ...asked, samples: 2, skip, effects: true }));
    }
    const merged = plans.map((_, i) => merge(shards.map((shard) => shard[i])));
    assert.deepEqual(merged.map(({ effects }) => effects), whole.map(({ effects }) => effects));
    assert.equal(whole[0].effects!.across, null);
    assert.equal(whole[0].effects!.rise!.value, 0);
    const before = kept(options.results).length;
    assert.deepEqual(await perplexities(model, plans, { ...asked, samples: 4, effects: true }), whole);
    assert.equal(kept(options.results).length, before);
    const [plain] = await perplexities(model, plans, { ...asked, samples: 4 });
    assert.ok(!("effects" in plain));
    assert.throws(
      () => merge([shards[0][1], { ...shards[1][1], effects: undefined }]),
      /they differ in effects/,
    );
    const { depends } = await divisionOf(
      await studies.perplexity.work(model, { ...asked, plans, effects: true }),
      options,
    );
    assert.deepEqual(depends.effects, whole[0].effects!.of);
  }));

Deno.test("a precision is compared with float32 of the same model: every module moves, a little", () =>
  withBlocks(async ({ model, options }) => {
    const asked = { ...options, precision: "int8", effects: model } as const;
    const [full, dropped] = await perplexities(model, [{}, { attention: [1] }], asked);
    assert.equal(full.effects!.of.dtype, "float32");
    assert.equal(full.provenance.dtype, "int8");
    for (const kind of MODULES) {
      for (const at of full.effects![kind].across) {
        assert.ok(at!.value > 0 && at!.value < 0.1, `${at!.value}`);
      }
    }
    assert.ok(full.effects!.across!.value > full.effects!.along!.value);
    assert.ok(dropped.effects!.across!.value > full.effects!.across!.value);
    assert.equal(dropped.effects!.attention.across[1], null);
    assert.ok(dropped.effects!.attention.across[0]!.value < 0.1);
  }));

Deno.test("a file is compared with its original by its name: the same weights in another file move nothing", () =>
  withTiny(async ({ folder, options: { results: _, ...options } }) => {
    const path = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
    const text = `${folder}/ids.json`;
    await Deno.writeTextFile(text, JSON.stringify(expected.models.llama.ids));
    const asked = { ...options, text, samples: 3, length: 20, effects: path("models/llama") };
    const [full, dropped] = await perplexities(path("gguf/llama.gguf"), [{}, { attention: [1] }], asked);
    for (const side of ["along", "across"] as const) {
      assert.ok(full.effects![side]!.value < 1e-4, `${full.effects![side]!.value}`);
      assert.ok(dropped.effects![side]!.value > 0.01);
    }
    assert.ok(Math.abs(full.effects!.rise!.value) < 1e-4);
    assert.notEqual(full.effects!.of.model.fingerprint, full.provenance.model.fingerprint);
  }));

Deno.test("an original whose tokenizer makes other tokens of the text is refused by name; one that makes the same is not", () =>
  withTiny(({ model, options }) =>
    withTiny(async (tiny) => {
      const { vocab } = tinyTokenizer.model;
      const withTokenizer = (tokenizer: object) =>
        Deno.writeTextFile(`${tiny.folder}/tokenizer.json`, JSON.stringify(tokenizer));
      const compared = () => perplexities(model, [{}], { ...options, effects: tiny.folder });
      const spare = { ...tinyTokenizer.model, vocab: { ...vocab, "no letter": 40 } };
      await withTokenizer({ ...tinyTokenizer, model: spare });
      assert.equal((await compared())[0].effects!.rise!.value, 0);
      await Deno.remove(options.results, { recursive: true });
      const swapped = { ...tinyTokenizer.model, vocab: { ...vocab, e: vocab.t, t: vocab.e } };
      await withTokenizer({ ...tinyTokenizer, model: swapped });
      await assert.rejects(
        compared(),
        /^RangeError: Cannot compare updates of \w+ with \w+: found other tokens of the text by its tokenizer, expected the same$/,
      );
    })
  ));

Deno.test("the order of plans by their moves: ranks over plans that move something", () => {
  const plan = (rise: number, across: number, along: number) => {
    const at = (value: number) => ({ value, low: null, high: null });
    return {
      kind: "perplexity",
      effects: { rise: at(rise), across: at(across), along: at(along) },
    } as unknown as Perplexity;
  };
  const none = {
    kind: "perplexity",
    effects: { rise: { value: 0, low: 0, high: 0 }, across: null, along: null },
  } as unknown as Perplexity;
  const all = [
    plan(0.1, 1, 4),
    plan(0.2, 2, 1),
    plan(0.4, 3, 3),
    plan(0.5, 4, 2),
    none,
    { kind: "perplexity" } as Perplexity,
  ];
  const { across, along } = effectsOrder(all);
  assert.deepEqual([across.rank, across.count, along.count], [1, 4, 4]);
  assert.ok(Math.abs(along.rank! + 0.4) < 1e-12);
});
