/** Untrained models measured beside their closed form, and where attention and MLP change places. */
import assert from "node:assert/strict";
import { crossing, moduleRatio } from "features/untrained/theory/module_ratio.ts";
import { atWidth, initModel, initModels, predictInit, ratioMap } from "features/untrained/mod.ts";
import { openConfig } from "core/subject/mod.ts";

const llama = await openConfig("llama-2-7b");
const setting = { layers: 6, samples: 1, length: 64 };
const measuredRatio = (
  { attention, mlp }: Record<"attention" | "mlp", { importance: readonly (number | null)[] }>,
) => moduleRatio({ attention: attention.importance, mlp: mlp.importance });

Deno.test("heads that divide the width, of nearly the model's size; groups of key heads stay whole", async () => {
  assert.deepEqual(atWidth(llama, 4096), { hidden: 4096, heads: 32 });
  assert.deepEqual(atWidth(llama, 576), { hidden: 576, heads: 4 });
  assert.deepEqual(atWidth(llama, 64), { hidden: 64, heads: 1 });
  const grouped = await openConfig("llama-3-70b");
  assert.deepEqual(atWidth(grouped, 1024), { hidden: 1024, heads: 8 });
  assert.throws(() => atWidth(grouped, 12), /^RangeError: Cannot resize llama-3-70b to 12/);
});

Deno.test("one property varied, every model beside the closed form of the same setting", async () => {
  const models = await initModels(llama, { a: { std: 0.02 }, b: { norm: "peri" } }, {
    ...setting,
    ...atWidth(llama, 128),
  });
  assert.deepEqual(models.map(({ value }) => value), ["a", "b"]);
  assert.deepEqual(models.map(({ measured }) => measured.shape.norm), ["pre", "peri"]);
  const alone = await initModel(llama, { ...setting, ...atWidth(llama, 128), std: 0.02 });
  assert.deepEqual(models[0].measured, alone.measured);
  assert.deepEqual(
    models[0].predicted,
    predictInit(llama, { ...setting, ...atWidth(llama, 128), std: 0.02 }),
  );
});

Deno.test("Pre-LN: the two change places where σ √D is 0.8, computed and measured", async () => {
  const stds = [0.02, 0.03, 0.045, 0.0675, 0.1];
  const line = crossing(ratioMap(llama, { ...setting, widths: [128, 512, 1024], stds }));
  assert.equal(line.length, 3);
  for (const { hidden, std } of line) {
    const product = std * Math.sqrt(hidden);
    assert.ok(product > 0.74 && product < 0.86, `${product} at width ${hidden}`);
  }
  const at = async (product: number) =>
    measuredRatio(
      (await initModel(llama, { ...setting, ...atWidth(llama, 256), std: product / 16, seeds: 3 })).measured,
    );
  assert.ok(await at(0.6) > 1.3);
  assert.ok(await at(1.1) < 0.77);
});

Deno.test("Peri-LN and post-norm: alike whatever width and deviation, the earlier module a little ahead", () => {
  for (const norm of ["peri", "post"] as const) {
    const map = ratioMap(llama, { ...setting, norm, widths: [256, 2048], stds: [0.02, 0.08] });
    for (const { hidden, std, ratio } of map) {
      // After k updates an importance is about 1/2k, and attention comes first: (2l + 1)/2l in layer l.
      assert.ok(ratio > 1 && ratio < 1.35, `${norm} ${hidden} ${std}: ${ratio}`);
    }
  }
});
