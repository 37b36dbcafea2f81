/** Fits of a committed model: promises that are kept, broken and resumed, and plans that save enough. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Progress } from "core/entry/mod.ts";
import { noDrop } from "core/measure/mod.ts";
import { type Fit, fit, type FitOptions } from "features/fit/mod.ts";
import { estimate } from "features/by_name.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { openModel, sizesOf } from "core/subject/mod.ts";
import { refuses, withFolder } from "../../support.ts";

const trained = fileURLToPath(new URL("../../../data/series/pre-ln/step04096", import.meta.url));
const model = await openModel(trained);
const size = { length: 64, engine: "cpu" } as const;
const importance = await profile(model, { ...size, samples: 4 });
/** Losses that several tests need are computed once. */
const results = await Deno.makeTempDir();
addEventListener("unload", () => Deno.removeSync(results, { recursive: true }));
const options = {
  ...size,
  samples: 12,
  profile: importance,
  calibration: { length: 64 },
  time: false,
  results,
  format: "onnx", // whose sizes need no tokenizer
} as const;

const answerOf = ({ tried, answer }: Fit) => answer === null ? null : tried[answer];

Deno.test("the answer keeps the promise on samples that did not choose it, as perplexities measure it", async () => {
  const result = await fit(model, { ...options, loss: 0.6 });
  const answer = answerOf(result)!;
  const { cost } = result.confirmed.find(({ tried }) => tried === result.answer)!;
  assert(cost.high <= 0.6);
  assert(answer.dropped > 1, "a promise this large lets several modules go");
  assert.deepEqual(answer.drop.attention, [...result.plan!.attention].sort((a, b) => a - b));
  const [full, dropped] = await perplexities(model, [noDrop, result.plan!], { ...size, samples: 6, skip: 6 });
  assert(Math.abs(dropped.nll - full.nll - cost.value) < 1e-6, "float32 sums in other batches");
  assert.equal(result.confirming.packing.skip, 6);
  assert.equal(result.provenance.packing.samples, 6);
  for (const { cost, keeps } of result.tried) {
    assert.equal(keeps, cost.high <= 0.6 ? "yes" : cost.low > 0.6 ? "no" : "cannot tell");
  }
  const isLarger = ({ saves, keeps }: Fit["tried"][0]) =>
    keeps === "yes" && saves.parameters > answer.saves.parameters;
  const failed = result.confirmed.some(({ keeps }) => keeps !== "yes");
  assert(failed || !result.tried.some(isLarger), "a larger plan was chosen only to fail its confirmation");
  assert.equal(result.plan!.saves!.parameters, answer.saves.parameters);
});

Deno.test("nothing may go where the promise is smaller than the cheapest plan's cost, which is there to see", async () => {
  const result = await fit(model, { ...options, loss: 1e-9 });
  assert.deepEqual([result.plan, result.answer, result.confirmed], [null, null, []]);
  assert.equal(result.tried.length, 3, "one plan of each target");
});

Deno.test("perplexity and loss are the same promise in other units", async () => {
  const loss = await fit(model, { ...options, loss: 0.3 });
  const perplexity = await fit(model, { ...options, perplexity: Math.expm1(0.3) });
  assert.deepEqual(perplexity.tried, loss.tried);
  assert.equal(perplexity.answer, loss.answer);
});

Deno.test("a check that is kept counts as done from the first report on, before its turn", () =>
  withFolder(async (results) => {
    const calibration = { text: "LICENSE", samples: 3, length: 16 };
    const wanted = {
      ...options,
      calibration,
      samples: 4,
      length: 16,
      text: "CHANGELOG.md",
      loss: 9,
      results,
    };
    const own = { ...wanted, profile: undefined, targets: ["attention", "mlp", "joint"] } as const;
    await fit(model, own);
    for (const { name } of Deno.readDirSync(results)) {
      const { kind, provenance } = JSON.parse(await Deno.readTextFile(`${results}/${name}`));
      const isCheck = kind === "loss" || kind === "profile" && provenance.packing.samples === 2;
      if (!isCheck) await Deno.remove(`${results}/${name}`);
    }
    const reports: Progress[] = [];
    await fit(model, { ...own, onProgress: (report) => void reports.push(report) });
    assert.match(reports[0].label, /^profile of/);
    assert(reports[0].found! > 0.2, `${reports[0].found}`);
  }));

Deno.test("a repair lets more go at the same loss, and the plan says how it was made", async () => {
  const bare = await fit(model, { ...options, loss: 0.5, targets: ["mlp"] });
  const repairing = { targets: ["mlp"], repair: ["linear"], repairSamples: 32 } as const;
  const repaired = await fit(model, { ...options, ...repairing, loss: 0.5 });
  const linear = repaired.tried.filter(({ repair }) => repair === "linear");
  assert(linear.length > 0);
  const [first] = linear;
  const same = bare.tried.find(({ dropped }) => dropped === first.dropped);
  assert(!same || first.cost.value < same.cost.value);
  assert(first.saves.parameters < first.dropped * 3 * 96 * 160, "the maps are weights too");
  if (answerOf(repaired)?.repair) assert.equal(repaired.plan!.repaired!.by, "linear");
});

Deno.test("the cheapest plan that saves enough is the smallest of its line", async () => {
  const { parameters, kvBytes } = sizesOf(model.spec);
  const result = await fit(model, { ...options, parameters: 0.15 });
  const answer = answerOf(result)!;
  assert(answer.saves.parameters >= 0.15 * parameters);
  assert(result.tried.every(({ saves }) => saves.parametersShare >= 0.15));
  assert.equal(answer.cost.value, Math.min(...result.tried.map(({ cost }) => cost.value)));
  const attention = result.tried.find(({ target }) => target === "attention")!;
  const each = attention.saves.parameters / attention.dropped;
  assert(each * (attention.dropped - 1) < 0.15 * parameters, "one module fewer would not do");
  const keys = await fit(model, { ...options, kvBytes: 0.5, context: 100 });
  assert.equal(answerOf(keys)!.drop.attention.length, kvBytes.length / 2);
  await assert.rejects(
    fit(model, { ...options, parameters: 0.99 }),
    /^RangeError: Cannot fit step04096: parameters is 99%, expected at most [0-9.]+%, the most by a plan of block, attention, mlp, joint/,
  );
});

Deno.test("constraints, orders and targets are the caller's", async () => {
  const own = { ...options, loss: 1, protectFirst: 3, protectLast: 1 };
  const lines = { targets: ["attention"], by: ["loss", "deepest"] } as const;
  const result = await fit(model, { ...own, ...lines, noNeighbours: true });
  assert.deepEqual([...new Set(result.tried.map(({ by }) => by))], ["loss", "deepest"]);
  for (const { drop: { attention, mlp } } of result.tried) {
    assert.deepEqual(mlp, []);
    assert(
      attention.every((layer, i) => layer >= 3 && layer < 7 && (i === 0 || layer - attention[i - 1] > 1)),
    );
  }
});

Deno.test("a price is known before anything runs, and wrong options are refused by name", async () => {
  const { results: _, ...unkept } = options; // what is kept costs nothing
  const { plans, seconds } = await estimate("fit", model, { ...unkept, loss: 0.1 });
  assert(plans > 4 && seconds > 0);
  // What the answer's times and the fits of repairs take is part of the price.
  const flopsOf = async (more: Partial<FitOptions>) =>
    (await estimate("fit", model, { ...unkept, loss: 0.1, ...more })).flops;
  const repair = { time: false, repair: ["linear"] } as const;
  const asked = [{ time: false }, { time: true }, { ...repair, repairSamples: 4 }, {
    ...repair,
    repairSamples: 8,
  }];
  const [bare, timed, few, many] = await Promise.all(asked.map(flopsOf));
  assert(timed > bare && few > bare && many > few, `${[bare, timed, few, many]}`);
  await refuses("Cannot fit", (own: object) => fit(model, { ...options, ...own }), [
    [{}, ": found no promise", "TypeError"],
    [{ loss: 1, protectFirst: 8 }, " step04096: no module may be dropped, expected at least one"],
  ]);
});
