/** Whether a fit is worth it, decided by sizes and the quartiles of times, and what larger savings cost. */
import assert from "node:assert/strict";
import { coarserType, type Fit, largerSavings, sharedSaving, worthOf } from "../../src/result/mod.ts";
import { encodedBytes } from "../../src/weights/mod.ts";
import { fit, nothing } from "../show/synthetic_fit.ts";
import { words } from "../tools.ts";

const shape = { layers: 6 };
const decoding = (low: number, high: number): Partial<Fit> => {
  const times = fit(shape).times!;
  return { times: { ...times, decode: { median: (low + high) / 2, low, high } } };
};
const worth = (own: Partial<Fit>) => worthOf(fit(shape, own));

Deno.test("a plan is worth it by the size or by the speed, whose quartiles may leave it open", () => {
  assert.equal(worth(decoding(1.06, 1.2)), "yes");
  assert.equal(worth(decoding(1, 1.04)), "no");
  assert.equal(worth(decoding(1, 1.1)), "cannot tell");
  assert.equal(worth({ times: null }), "no");
  const tried = fit(shape).tried.map((one) => ({ ...one, bytes: 1000 - 30 * one.dropped }));
  const sized = (file: Omit<NonNullable<Fit["file"]>, "format">) =>
    worth({ tried, file: { format: "hf", ...file }, times: null });
  assert.equal(sized({ original: 1000, whole: 1000 }), "yes", "6 %");
  assert.equal(sized({ original: 500, whole: 1000 }), "no", "larger than the model's own file");
});

Deno.test("where nothing may go, a plan that may keep the promise leaves it open", () => {
  assert.equal(worthOf(nothing(shape)), "no");
  const { tried } = nothing(shape);
  assert.equal(
    worthOf({ ...nothing(shape), tried: [...tried, { ...tried[0], keeps: "cannot tell" }] }),
    "cannot tell",
  );
});

Deno.test("larger savings are those that no cheaper plan beats, each half as much again", () => {
  const plans = largerSavings(fit(shape));
  assert.deepEqual(plans.map(({ target, dropped }) => [target, dropped]), [["attention", 3], ["mlp", 2]]);
  const shares = plans.map((one) => sharedSaving(fit(shape), one));
  assert.ok(shares[1] >= 1.5 * shares[0]);
});

/** The coarser type of a fit whose model is stored so. */
function coarser(format: string, own: Partial<Fit> = {}) {
  const { provenance, ...one } = fit(shape, own);
  return coarserType({ ...one, provenance: { ...provenance, model: { ...provenance.model, format } } });
}

Deno.test("bits of a weight are those that files spend on it", () => {
  for (const own of words`F32 BF16 F16 Q8_0 Q6_K Q5_1 Q5_0 Q5_K Q4_1 Q4_0 Q4_K Q3_K`) {
    const { type, share } = coarser(`GGUF ${own}`, { answer: null })!;
    assert.equal(share, 1 - encodedBytes(type, [256]) / encodedBytes(own, [256]), own);
  }
});

Deno.test("another type saves at least what the answer saves, with no more bits than that leaves; unknown types have none", () => {
  assert.deepEqual(coarser("safetensors BF16"), { own: "BF16", type: "Q8_0", share: 1 - 8.5 / 16 });
  assert.deepEqual(coarser("GGUF Q4_1", { answer: null }), { own: "Q4_1", type: "Q4_K", share: 1 - 4.5 / 5 });
  const tried = fit(shape).tried.map((one) => ({ ...one, bytes: 880 }));
  const file = { format: "gguf", original: 1000, whole: 1000 };
  assert.equal(coarser("GGUF Q4_1", { tried, file })?.type, "Q3_K", "10 % is less than the answer's 12 %");
  for (const format of ["GGUF MXFP4", "random normal", "GGUF Q2_K"]) assert.equal(coarser(format), null);
});
