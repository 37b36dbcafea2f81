/**
 * What a model costs in place of another, beside Hugging Face's in float64. An update is off by τ of its largest element at most (`stateTolerance`),
 * so as a vector by τ √D |u| or less where tokens are about equally long; e = u′ − u by both updates' errors, its parts turn by the stream's,
 * and |u| divides: (2 + 3 r) τ √D of a token's ratio r, where |u′| ≤ (1 + r) |u|. Worst measured: a
 * thousandth of it, since errors have random signs.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { distances, MODULES, moves } from "core/measure/mod.ts";
import { basename } from "node:path";
import { type Certificate, certificateFigure, certify, QUANTILES } from "features/compare/mod.ts";
import { certificateRows } from "features/compare/table.ts";
import { tableText } from "core/show/looks.ts";
import { certificate } from "../../core/show/synthetic_studies.ts";
import { logits } from "features/observe/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import type { PlanLike } from "core/study/plan.ts";
import { openModel, type StudyModel } from "core/subject/mod.ts";
import { exportModel } from "features/export/mod.ts";
import { stateTolerance } from "../../model.ts";
import { near, withFolder } from "../../support.ts";
import { kept, tinyTokenizer, withTiny } from "../../core/study/tiny.ts";
import { readJson } from "../../fixtures/read.ts";

interface Model {
  readonly ids: number[][];
  /** By plan, the full model first, and sample. */
  readonly nll: number[][];
  /** By plan and layer: the sums of each sample along and across the stream. */
  readonly plans: Record<typeof MODULES[number], [along: number[], across: number[]] | null>[][];
}
interface Expected {
  readonly plans: readonly { readonly attention: number[]; readonly mlp: number[] }[];
  readonly models: Readonly<Record<string, Model>>;
}
const expected: Expected = await readJson("tests/fixtures/effects.json");

const SERIES = "data/series/pre-ln/step04096";
const path = (name: string) => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

for (const [name, { ids, nll, plans }] of Object.entries(expected.models)) {
  Deno.test(`${name}: losses and updates move under plans as Hugging Face's in float64`, () =>
    withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
      const text = `${folder}/ids.json`;
      await Deno.writeTextFile(text, JSON.stringify(ids));
      const { spec } = model;
      const [samples, length] = [ids.length, ids[0].length];
      const error = stateTolerance(spec) * Math.sqrt(spec.hidden);
      for (const [p, plan] of expected.plans.entries()) {
        const found = await certify(model, plan, { ...options, text, samples, length });
        for (const [s, own] of found.sums.entries()) {
          for (const i of [0, 1]) near(own.nll[i], nll[i * (p + 1)][s], 1e-4 * nll[0][s]);
        }
        for (const l of spec.layers.keys()) {
          for (const kind of MODULES) {
            const theirs = plans[p][l][kind];
            assert.equal(found.moves![kind].along[l] !== null, theirs !== null, `${kind} ${l} of plan ${p}`);
            for (const [side, sums] of [["along", theirs?.[0]], ["across", theirs?.[1]]] as const) {
              if (!sums) continue;
              const mean = sums.reduce((sum, own) => sum + own, 0) / samples / length;
              const { value } = found.moves![kind][side][l]!;
              near(value, mean, (2 + 6 * mean) * error, `${side} of ${kind} ${l}, plan ${p}`);
            }
          }
        }
      }
    }, name));
}

/** Divergence and first choices of every row in float64, from all logits of both. */
async function direct(a: StudyModel, b: StudyModel, drop: Partial<PlanLike>, ids: number[][], engine: "cpu") {
  const kl: number[] = [];
  let same = 0;
  for (const own of ids) {
    const [first, second] = [await logits(a, own, { engine }), await logits(b, own, { engine, drop })];
    for (let row = 0; row + 1 < own.length; row++) {
      const [p, q] = [first, second].map(({ data, shape: [, words] }) => {
        const z = Array.from(data.subarray(row * words, (row + 1) * words));
        const most = Math.max(...z);
        const log = most + Math.log(z.reduce((sum, value) => sum + Math.exp(value - most), 0));
        return { logs: z.map((value) => value - log), best: z.indexOf(most) };
      });
      kl.push(p.logs.reduce((sum, log, i) => sum + Math.exp(log) * (log - q.logs[i]), 0));
      same += Number(p.best === q.best);
    }
  }
  return { kl: kl.toSorted((a, b) => a - b), same };
}

function expectAs({ kl, same }: Awaited<ReturnType<typeof direct>>, found: Certificate) {
  near(found.kl!.value, kl.reduce((sum, own) => sum + own, 0) / kl.length, 1e-5);
  for (const [i, share] of QUANTILES.entries()) {
    const place = share * (kl.length - 1);
    const below = kl[Math.floor(place)];
    near(found.quantiles[i], below + (place % 1) * (kl[Math.ceil(place)] - below), 1e-5);
  }
  assert.equal(Math.round(found.top1!.value * found.tokens), same);
}

Deno.test("divergence, its quantiles and first choices are those of all logits in float64: a plan, and a model of another width", () =>
  withTiny(async ({ folder }) => {
    using llama = await openModel(path("models/llama"));
    using wider = await openModel(path("models/gpt2-scaled"));
    const { ids } = expected.models.llama;
    const text = `${folder}/ids.json`;
    await Deno.writeTextFile(text, JSON.stringify(ids));
    const options = { engine: "cpu", text, samples: ids.length, length: ids[0].length } as const;
    const plan = { attention: [2], mlp: [1] };
    expectAs(await direct(llama, llama, plan, ids, "cpu"), await certify(llama, plan, options));
    const found = await certify(llama, wider, options);
    expectAs(await direct(llama, wider, {}, ids, "cpu"), found);
    const [[a], [b]] = [await perplexities(llama, [{}], options), await perplexities(wider, [{}], options)];
    assert.deepEqual([found.perplexity, found.moves], [[a.perplexity, b.perplexity], null]);
    const words = /^RangeError: Cannot compare llama with step04096: found 2048 words, expected 64 words$/;
    await assert.rejects(certify(llama, SERIES, options), words);
    const one = await certify(llama, wider, { ...options, samples: 1 });
    assert.deepEqual([one.equal, one.rise.low, one.kl!.high], ["cannot tell", null, null]);
  }));

Deno.test("moves: a change along the stream lies along it, one across it across it; tokens without a direction do not count", () => {
  const stream = Float32Array.of(3, 4, 0, 3, 4, 0, 0, 0, 0, 1, 0, 0);
  const update = Float32Array.of(0, 0, 2, 0, 2, 0, 1, 1, 1, 0, 0, 0);
  const moved = Float32Array.of(3, 4, 2, 4, -1, 0, 9, 9, 9, 1, 0, 0); // e = x, e ⊥ x, no stream, no update
  assert.deepEqual(moves.sum(update, moved, stream, 3), { counted: 2, along: 5 / 2, across: 5 / 2 });
  const squares = { difference: 25 + 25 + 192 + 1, reference: 4 + 4 + 3 }; // of all tokens
  assert.deepEqual(distances.sum(update, moved, new Float32Array(0), 3), squares);
});

Deno.test("a plan and its exported file are certified alike, and beside each other they are equal", () =>
  withFolder(async (out) => {
    using model = await openModel(SERIES);
    const plan = { attention: [3], tables: { embedding: "Q4_1" } } as const;
    const { folder } = await exportModel(model, plan, { format: "gguf-deci", out: `${out}/q4` });
    const [options, file] = [
      { text: path("../../LICENSE"), samples: 3, length: 32 },
      `${folder}/model.gguf`,
    ];
    const [planned, written] = [await certify(model, plan, options), await certify(model, file, options)];
    for (const name of ["kl", "rise", "top1"] as const) {
      near(planned[name]!.value, written[name]!.value, 1e-5, name);
    }
    assert.ok(written.kl!.value > 1e-4 && written.bytes[1]! < written.bytes[0]!);
    assert.equal(written.moves!.mlp.across.length, 8);
    assert.ok(planned.moves!.mlp.across[1]!.value > 0, "the table reaches every layer");
    const { kl, quantiles, top1, rise, equal, moves } = await certify(file, file, options);
    assert.ok(top1!.low! < 1, "as many tokens as there were");
    const alone = await certify(file, file, { ...options, samples: 1 });
    assert.deepEqual(alone.top1, { value: 1, low: null, high: null }, "one sample has no interval");
    assert.deepEqual([kl!.value, quantiles.at(-1), top1!.value, rise.value, moves!.along!.value], [
      0,
      0,
      1,
      0,
      0,
    ]);
    assert.equal(equal, "yes");
  }));

Deno.test("a file is compared with its original by its name: the same weights in another file move nothing", () =>
  withTiny(async ({ folder, options: { results: _, ...options } }) => {
    const text = `${folder}/ids.json`;
    await Deno.writeTextFile(text, JSON.stringify(expected.models.llama.ids));
    const own = { ...options, text, samples: 3, length: 20 };
    const found = await certify(path("models/llama"), path("gguf/llama.gguf"), own);
    assert.ok(
      found.moves!.along!.value < 1e-4 && found.moves!.across!.value < 1e-4 && found.kl!.value < 1e-5,
    );
    near(found.rise.value, 0, 1e-4);
    assert.notEqual(found.of.fingerprint, found.provenance.model.fingerprint);
  }));

Deno.test("two samples give intervals by t of one degree of freedom, within what each number can be", () =>
  withTiny(async ({ model, options }) => {
    const { kl, top1, moves, sums } = await certify(model, { attention: [1] }, { ...options, samples: 2 });
    const t = 12.706204736; // SciPy: t.ppf(0.975, 1)
    for (const [name, found, most] of [["kl", kl, Infinity], ["top1", top1, 1]] as const) {
      // Samples are equally long: the standard error of two is half of their distance.
      const [one, other] = sums.map((own) => own[name] / own.tokens);
      const half = t * Math.abs(one - other) / 2;
      near(found!.value, (one + other) / 2, 1e-12);
      assert.ok(half > 0);
      near(found!.low!, Math.max(0, found!.value - half), 1e-6 * half, name);
      near(found!.high!, Math.min(most, found!.value + half), 1e-6 * half, name);
    }
    for (const found of [moves!.along, moves!.mlp.across[2]]) {
      assert.ok(0 <= found!.low! && found!.low! < found!.value && found!.value < found!.high!);
    }
  }));

Deno.test("files are named by folder and name, and never both alike; a plan is named by what it does", () =>
  withFolder(async (folder) => {
    const text = `${folder}/ids.json`;
    await Deno.writeTextFile(text, JSON.stringify(expected.models.llama.ids));
    const options = { engine: "cpu", text, samples: 2, length: 20, results: `${folder}/results` } as const;
    for (const place of ["A", "B", "B/A"]) {
      await Deno.mkdir(`${folder}/${place}`, { recursive: true });
      await Deno.copyFile(path("gguf/llama.gguf"), `${folder}/${place}/model.gguf`);
    }
    const file = (place: string) => `${folder}/${place}/model.gguf`;
    const namesOf = async (a: string, b: string) => (await certify(a, b, options)).names;
    assert.deepEqual(await namesOf(file("A"), file("B")), ["A/model.gguf", "B/model.gguf"]);
    assert.deepEqual(await namesOf(file("A"), file("B/A")), [
      `${basename(folder)}/A/model.gguf`,
      "B/A/model.gguf",
    ]);
    assert.deepEqual(await namesOf(path("models/llama"), file("A")), ["llama", "A/model.gguf"]);
    const planned = await certify(path("models/llama"), { mlp: [1] }, options);
    assert.equal(planned.names, undefined);
    assert.match(tableText([planned]), /^A: llama \(safetensors F32\) · B: A without MLP 1 · 2 × 20 tokens/m);
    const named = { ...planned, names: ["A/model.gguf", "B/model.gguf"] } as Certificate;
    const drop = { attention: [], mlp: [] };
    const other = { ...named, provenance: { ...named.provenance, drop } };
    assert.match(tableText([other]), /^A: A\/model\.gguf \(.*\) · B: B\/model\.gguf \(.*\) · 2 ×/m);
    assert.match(certificateFigure(other).setting, /^A: A\/model\.gguf .* · B: B\/model\.gguf /);
  }));

Deno.test("the table and the figure open with the cost; layers are printed where all are asked for", () => {
  const made = certificate({ layers: 3 });
  const title = "11.2 % smaller: KLD 0.100 mean, 0.19 at 99 %; loss +0.100 (";
  const [all, few] = [tableText([made]), tableText([made], { lowest: 10, more: "use --all" })];
  for (const text of [all, few, certificateFigure(made).title]) assert.ok(text.startsWith(title), text);
  const names = ["files", "mean KLD", "KLD, 99 %", "same first choice", "perplexity", "loss, nats per token"];
  assert.deepEqual(all.split("\n").slice(3, 3 + names.length).map((line) => line.split(/ {2,}/)[0]), names);
  assert.match(all, /^layer +attention across/m);
  assert.doesNotMatch(few, /^layer +/m);
  assert.match(few, /updates by layer are not printed; use --all$/);
  for (
    const said of [
      /98\.0 → 87\.0 MB/,
      /KLD 0\.100 \(95 %/,
      /same first choice 79\.4 %/,
      /perplexity \+10\.5 %/,
    ]
  ) {
    assert.match(certificateFigure(made).subtitle, said);
  }
  const order = certificateRows(made).slice(0, 8).map(({ measure }) => measure);
  assert.deepEqual(order, [
    "bytes_a",
    "bytes_b",
    "kl",
    "kl_99",
    "top1",
    "perplexity_a",
    "perplexity_b",
    "rise",
  ]);
});

Deno.test("a kept certificate is used again, also for another difference; one of other models is not", () =>
  withTiny(async ({ model, options }) => {
    const asked = { ...options, samples: 3 };
    const found = await certify(model, { attention: [1] }, { ...asked, within: 100 });
    const before = kept(options.results).length;
    const again = await certify(model, { attention: [1] }, { ...asked, within: 1e-9 });
    assert.equal(kept(options.results).length, before);
    assert.deepEqual([found.equal, again.kl, again.within], ["yes", found.kl, 1e-9]);
    assert.notEqual(again.equal, "yes");
    await certify(model, { mlp: [1] }, asked);
    assert.equal(kept(options.results).length, before + 1);
  }));

Deno.test("a model whose tokenizer makes other tokens of the text is refused by name; one that makes the same is not", () =>
  withTiny(({ model, options }) =>
    withTiny(async (tiny) => {
      const [{ model: bpe }, { model: { vocab } }] = [tinyTokenizer, tinyTokenizer];
      const comparedBeside = async (words: object) => {
        const tokenizer = JSON.stringify({
          ...tinyTokenizer,
          model: { ...bpe, vocab: { ...vocab, ...words } },
        });
        await Deno.writeTextFile(`${tiny.folder}/tokenizer.json`, tokenizer);
        return await certify(model, tiny.folder, options);
      };
      assert.equal((await comparedBeside({ "no letter": 40 })).rise.value, 0);
      const other =
        /^RangeError: Cannot compare \w+ with \w+: found other tokens of the text by its tokenizer, expected the same$/;
      await assert.rejects(comparedBeside({ e: vocab.t, t: vocab.e }), other);
    })
  ));
