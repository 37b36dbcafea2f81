/** What a device allows, by hand, and beside the paper's numbers. */
import assert from "node:assert/strict";
import { roofline } from "features/speed/mod.ts";
import { near, refuses } from "../../support.ts";
import { PAPER_SPEEDS } from "features/speed/paper.ts";

const LAYER = { attention: 2 * 8192 * 8192 + 2 * 8192 * 1024, mlp: 3 * 8192 * 28672 };
const HEAD = 32000 * 8192;
const ROW = 2 * 8 * 128 * 2; // bytes of a key and a value

/** Nearly equal: sums in another order. */
const close = (found: number, expected: number) => near(found / expected, 1, 1e-9);

Deno.test("one text of Llama-2-70B, written token by token: every byte once, by hand", async () => {
  const half = Array.from({ length: 40 }, (_, i) => 40 + i);
  const { plans: [full, dropped] } = await roofline("llama-2-70b", {
    device: "a100",
    devices: 2,
    batch: [1],
    input: 3,
    output: 2,
    plans: [{ attention: half }],
  });
  const seconds = (attentions: number) => {
    const weights = 2 * (attentions * (LAYER.attention + 8192) + 80 * (LAYER.mlp + 8192) + HEAD);
    return (2 * weights + attentions * ROW * (4 + 5)) / (2 * 2039e9);
  };
  close(full.points[0].decode, seconds(80));
  close(dropped.points[0].decode, seconds(40));
  close(dropped.points[0].speedup.decode, seconds(80) / seconds(40));
  assert.equal(dropped.keyBytes, 40 * ROW * 5);
  assert.deepEqual(full.points[0].speedup, { prefill: 1, decode: 1, whole: 1 });
});

Deno.test("many texts read at once: operations, but for the head, which 64 tokens read; by hand", async () => {
  const { plans: [full] } = await roofline("llama-2-70b", { device: "h100", batch: [64], input: 2048 });
  const products = 2 * 64 * 2048 * 80 * (LAYER.attention + LAYER.mlp);
  const core = 64 * 80 * 4 * 64 * 128 * (2048 * 2049 / 2);
  close(full.points[0].prefill, (products + core) / 989.4e12 + 2 * HEAD / 3350e9);
  assert.equal(full.points[0].fits, false);
  assert.deepEqual([full.largest, full.throughput], [0, null]);
});

Deno.test("the largest batch is what memory holds beside the weights, in 16 bit and in 4", async () => {
  const sixteen = await roofline("llama-2-13b", { device: "a6000-ada" });
  const weights = 2 * 13_015_864_320;
  const text = 40 * 2 * 5120 * 2 * 4096;
  assert.equal(sixteen.plans[0].largest, Math.floor((48 * 2 ** 30 - weights) / text));
  assert.equal(sixteen.plans[0].points[0].batch, sixteen.plans[0].largest);
  const four = await roofline("llama-2-13b", { device: "a6000-ada", bits: 4 });
  const matrices = 40 * (4 * 5120 ** 2 + 3 * 5120 * 13824);
  assert.equal(four.plans[0].weightBytes, weights - 2 * matrices + 4.5 / 8 * matrices);
  assert.ok(four.plans[0].largest > sixteen.plans[0].largest);
  const dropped = sixteen.plans[2];
  assert.equal(dropped.keyBytes, text * 32 / 40);
  const rate = ({ largest }: typeof dropped, { points: [{ prefill, decode }] }: typeof dropped) =>
    largest / (prefill + decode);
  const own = await roofline("llama-2-13b", { device: "a6000-ada", batch: [dropped.largest] });
  close(dropped.throughput!, rate(dropped, own.plans[2]) / rate(sixteen.plans[0], sixteen.plans[0]));
});

Deno.test("the speed-up in the largest batch is that of exactly this batch, whatever batches are asked for", async () => {
  const [largest, asked] = await Promise.all([
    roofline("llama-2-13b", { device: "a6000-ada" }),
    roofline("llama-2-13b", { device: "a6000-ada", batch: [1, 4, 8] }),
  ]);
  assert.ok(!Number.isInteger(Math.log2(largest.plans[0].largest)), "no power of two");
  for (const [i, { points: [{ batch, speedup }], paper }] of largest.plans.entries()) {
    assert.equal(batch, largest.plans[0].largest);
    assert.deepEqual(asked.plans[i].fitting, { batch, speedup: speedup.whole });
    // The paper's number is allowed there: the figure's ring lies at the dot or below it.
    if (paper) assert.equal(paper.reach === "fits", paper.speedup - 0.005 <= speedup.whole);
  }
  const none = await roofline("llama-2-70b", { device: "h100", output: 8 });
  assert.deepEqual(none.plans.map(({ fitting }) => fitting), none.plans.map(() => null));
});

Deno.test("the paper's drops are the default of its models, a quarter and a half that of others", async () => {
  for (const { config, drops, accuracy } of PAPER_SPEEDS) {
    const { plans, model } = await roofline(config, { device: "h100", output: 8 });
    const found = plans.slice(1).map(({ drop, paper }) => [drop.attention.length, paper!.speedup]);
    assert.deepEqual(found, drops.map(({ attention, speedup }) => [attention, speedup]));
    assert.equal(plans[1].paper!.accuracies[0], accuracy);
    assert.equal(plans[0].paper, null);
    assert.equal(plans[1].drop.attention.at(-1), model.layers - 1);
  }
  const other = await roofline("gemma-2-2b", { device: "h100", output: 8 });
  assert.deepEqual(other.plans.map(({ drop }) => drop.attention.length), [0, 7, 13]);
  assert.ok(other.plans.every(({ paper }) => paper === null));
});

Deno.test("a speed-up above the share of time that could fall away is allowed in no batch", async () => {
  // Were attention all there is, 4 of 80 modules less would be 80/76 = 1.053: the paper's 1.06 is above it.
  const { plans } = await roofline("llama-2-70b", { device: "a6000-ada" });
  assert.deepEqual(plans.slice(1).map(({ paper }) => paper!.reach), ["never", "never", "more-memory"]);
  assert.ok(plans[1].most.speedup < 80 / 76);
  const { plans: [, four] } = await roofline("llama-3-8b", { device: "a6000-ada" });
  assert.equal(four.paper!.reach, "fits");
});

Deno.test("an unknown device, and a plan that the model does not have, are one clear error", async () => {
  const refused = (options: object) => roofline("llama-2-7b", options as never);
  const names = "expected one of rtx-a6000, a6000-ada, a100, h100";
  await refuses("Cannot d", refused, [
    [{ device: "a6000" }, `raw a roofline: device is "a6000", ${names} (did you mean "rtx-a6000"?)`],
    [{}, `raw a roofline: device is missing, ${names}`, "TypeError"],
    [{ device: "a100", plans: [{ attention: [32] }] }, "rop attention 32: expected a layer from 0 to 31"],
  ]);
});
