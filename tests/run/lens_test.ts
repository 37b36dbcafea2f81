/** What the head makes of a stream, slice by slice of the vocabulary, beside the whole in float64. */
import assert from "node:assert/strict";
import { openLens } from "../../src/run/mod.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { engine, engineWith, expectNear, UNIT, withFixture } from "../support.ts";

/** Entropy in nats and best token of logits, in float64. */
function shapeOf(logits: Float32Array): { entropy: number; best: number } {
  const most = logits.reduce((a, b) => Math.max(a, b));
  const shares = Float64Array.from(logits, (z) => Math.exp(z - most));
  const sum = shares.reduce((a, b) => a + b);
  const entropy = shares.reduce(
    (total, share, i) => total - share / sum * (logits[i] - most - Math.log(sum)),
    0,
  );
  return { entropy, best: logits.indexOf(most) };
}

for (const name of ["llama", "gemma2", "cohere2", "gpt2"]) {
  for (const scale of [0, 1e-3, 1, 1e6]) {
    Deno.test(`${name}: slices of the vocabulary give the whole's logits, entropy and top token, for streams × ${scale}`, () =>
      withFixture(name, async ({ model, expected: { tensors } }) => {
        const { hidden, vocabulary } = model.spec;
        const x = tensors.get("x.2")!.data as Float32Array;
        const rows = x.length / hidden;
        const before = engine.live;
        // Slices of 7 rows, the last of 1.
        const on = engineWith({ bindingBytes: 4 * hidden * 7 });
        const lenses = [await openLens(model, engine), await openLens(model, on)];
        const stream = engine.upload(float32([rows, hidden], x.map((value) => scale * value)));
        const some = Int32Array.of(5, 0, 5, rows - 1);
        const [whole, sliced] = await Promise.all(
          lenses.map((lens) => lens.read(stream, some, ["top1", "logits", "entropy"])),
        );
        const alone = await lenses[1].read(stream, some, ["entropy"]);
        assert.deepEqual(alone, { entropy: sliced.entropy });
        const { data: logits } = whole.logits;
        assert.deepEqual(whole.logits.shape, [4, vocabulary]);
        expectNear(model.spec, sliced.logits.data, logits);
        some.forEach((_, i) => {
          const own = sliced.logits.data.subarray(i * vocabulary, (i + 1) * vocabulary);
          const { entropy, best } = shapeOf(own);
          // V terms p · ln p, each rounded a few times: |ln p| is at most the spread of the logits, or p is 0.
          const spread = Math.min(100, Math.max(...own) - Math.min(...own)) + Math.log(vocabulary);
          const most = 8 * UNIT * spread * Math.sqrt(vocabulary);
          const error = Math.abs(sliced.entropy.data[i] - entropy);
          assert.ok(error <= most, `entropy ${sliced.entropy.data[i]}, expected ${entropy} ± ${most}`);
          assert.equal(own[sliced.top1.data[i]], own[best]);
        });
        if (scale === 0) {
          assert.ok(sliced.entropy.data.every((value) => value <= Math.fround(Math.log(vocabulary))));
        }
        stream.free();
        for (const lens of lenses) await lens.release();
        assert.equal(engine.live, before);
      }));
  }
}
