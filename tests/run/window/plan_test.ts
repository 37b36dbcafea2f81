/** What windows are as changes of a plan: refused by name where they cannot be, in words, and their work. */
import assert from "node:assert/strict";
import { type Change, type DropPlan, planHash, planText } from "../../../src/measure/mod.ts";
import { scoring } from "../../../src/models/mod.ts";
import { changedSpec, dropPlan, FLOAT32, keyBytes, noDrop, workOf } from "../../../src/run/mod.ts";
import { savesOf } from "../../../src/study/orders/sizes.ts";
import { sizesOf } from "../../../src/subject/mod.ts";
import { withFixture } from "../../support.ts";
import { windowOf } from "./windows.ts";

Deno.test("a module's own window that is no larger stays, without first keys", () =>
  withFixture("gemma3", ({ model: { spec } }) => {
    const changes = spec.layers.map((_, layer) => windowOf(layer, 7, 2));
    const { layers } = changedSpec(spec, dropPlan(spec, { changes }));
    const seen = layers.map(({ attention }) => {
      const { window, firstKeys } = scoring(attention)!;
      return [window, firstKeys];
    });
    assert.deepEqual(seen, [[6, undefined], [6, undefined], [7, 2], [6, undefined]]);
  }));

Deno.test("windows that cannot be are refused by name", async () => {
  await withFixture("llama", ({ model: { spec } }) => {
    const refused = (changes: unknown[], message: RegExp) =>
      assert.throws(() => dropPlan(spec, { changes: changes as Change[] }), { name: "RangeError", message });
    for (const keys of [0, -1, 1.5, NaN, Infinity, 2 ** 53, "8", undefined, null]) {
      const own = { ...windowOf(1, 1, 0), keys };
      refused(
        [own],
        /change attention 1 to a window: keys is .*, expected a whole number from 1 to 1073741824/,
      );
    }
    for (const sinks of [-1, 1.5, NaN, Infinity, 2 ** 53, undefined]) {
      refused([{ ...windowOf(1, 1, 0), sinks }], /change attention 1 to a window: sinks is .*, .* from 0 to/);
    }
    refused(
      [{ ...windowOf(1, 1, 0), module: "mlp" }],
      /change mlp 1 to a window: .*, expected softmax attention/,
    );
    refused([windowOf(1, 8, 0, "x")], /attention 1: tensors is x, expected a SHA-256/);
    refused([windowOf(1, 8, 0), windowOf(1, 9, 0)], /attention 1: it is changed twice/);
  });
  await withFixture("qwen3-next", ({ model: { spec } }) => {
    const layer = spec.layers.findIndex(({ attention }) => !scoring(attention));
    assert.throws(
      () => dropPlan(spec, { changes: [windowOf(layer, 8, 0)] }),
      /attention \d to a window: it is linear attention, expected softmax attention/,
    );
  });
});

Deno.test("windows in words, and their identity", () => {
  const plan = (...changes: Change[]): DropPlan => ({ attention: [], mlp: [], changes });
  const hash = "0".repeat(64);
  assert.equal(
    planText(plan(windowOf(5, 64, 4), windowOf(6, 64, 4))),
    "attention 5 6 (window of 64 keys and 4 sinks)",
  );
  assert.equal(planText(plan(windowOf(5, 1, 1, hash))), "attention 5 (window of 1 key and 1 sink, refitted)");
  assert.equal(planText(plan(windowOf(5, 8, 0))), "attention 5 (window of 8 keys)");
  const all = [windowOf(5, 8, 0), windowOf(5, 8, 1), windowOf(5, 9, 0), windowOf(5, 8, 0, hash)];
  assert.equal(new Set(all.map((change) => planHash(plan(change)))).size, all.length);
});

Deno.test("work is that of the keys in sight", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const plan = dropPlan(spec, { changes: spec.layers.map((_, layer) => windowOf(layer, 5, 2)) });
    const { heads, headSize } = scoring(spec.layers[0].attention)!;
    const seen = (past: number, tokens: number) => {
      const { core } = workOf(spec, plan, FLOAT32)({ texts: 1, tokens, past }).find(({ core }) => core)!;
      return core!.flops / (4 * heads * headSize);
    };
    assert.deepEqual([seen(0, 1), seen(5, 1), seen(6, 1), seen(7, 1), seen(100, 1)], [1, 6, 7, 7, 7]);
    assert.equal(seen(5, 3), 6 + 7 + 7);
  }));

Deno.test("keys behind a window take no bytes, as a plan says what it saves", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const plan = (keys: number, sinks: number) =>
      dropPlan(spec, { changes: spec.layers.map((_, layer) => windowOf(layer, keys, sinks)) });
    const of = (plan: DropPlan, tokens: number) => keyBytes(spec, plan, tokens, FLOAT32);
    for (const [keys, sinks] of [[64, 4], [5, 0]]) {
      const most = keys + sinks;
      const sizes = sizesOf(spec);
      for (const tokens of [1, most, most + 1, 8192]) {
        const own = of(plan(keys, sinks), tokens);
        assert.equal(own, of(noDrop, Math.min(most, tokens)));
        assert.equal(of(noDrop, tokens) - own, 2 * savesOf(plan(keys, sinks), sizes, tokens).kv.bytes); // 32 bits
      }
    }
  }));
