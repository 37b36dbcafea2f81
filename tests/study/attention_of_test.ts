/** The attention of selected heads over one text. */
import assert from "node:assert/strict";
import { scoring } from "../../src/models/mod.ts";
import { attentionOf } from "../../src/study/mod.ts";
import { withTiny } from "./tiny.ts";

Deno.test("attention of a text: rows are shares, of each token over itself and those before, none beyond a window", () =>
  withTiny(async ({ model }) => {
    const wanted = [{ layer: 0, head: 1 }, { layer: 2, head: 0 }];
    const { tokens, heads } = await attentionOf(model, "seven wizards make toxic brew", { heads: wanted });
    assert.equal(tokens.join(""), "seven wizards make toxic brew");
    assert.deepEqual(heads.map(({ layer, head }) => ({ layer, head })), wanted);
    for (const { layer, rows } of heads) {
      const window = scoring(model.spec.layers[layer].attention)!.window ?? Infinity;
      rows.forEach((row, t) => {
        assert.equal(row.length, t + 1);
        // Float64: n shares rounded, n additions here and n in their divisor.
        assert.ok(Math.abs(row.reduce((sum, share) => sum + share, 0) - 1) <= 3 * row.length * 2 ** -53);
        row.forEach((share, key) => assert.equal(share > 0, key > t - window));
      });
    }
    await assert.rejects(attentionOf(model, "", { heads: wanted }), /0 tokens: expected 1 to 512/);
    await assert.rejects(
      attentionOf(model, "a", { heads: [{ layer: 9, head: 0 }] }),
      /head 0 of layer 9: .* no such head/,
    );
    await assert.rejects(attentionOf(model, "a", { heads: [{ layer: 0, head: 99 }] }), /head 99 of layer 0/);
    await assert.rejects(
      attentionOf(model, "a", { heads: [{ layer: 0, head: 0.5 }] }),
      /heads\[0\]\.head is 0\.5/,
    );
  }, "gemma3"));
