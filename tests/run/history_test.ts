/**
 * How a decoder came to a text does not matter: after any reads, drafts and cuts, its logits are those of a fresh prefill of the text.
 * What is done is drawn with fixed seeds.
 */
import assert from "node:assert/strict";
import type { Engine } from "../../src/engine/mod.ts";
import type { Model } from "../../src/models/mod.ts";
import { decoder, MOST_CUT } from "../../src/run/mod.ts";
import { philox } from "../../src/tensor/mod.ts";
import { engine, engineWith, expectNear, isThorough, withFixture } from "../support.ts";
import { words } from "../tools.ts";

/** Plain attention, two windows, states, a mixture behind windows, latent attention, positions that turn. */
const FAMILIES = words`llama qwen2-window gemma2 qwen3-5 mixtral deepseek-v3 llama-rope-dynamic`;
/** Marks are rare: they end what can be cut. */
const KINDS = ["step", "extend", "extend", "draft", "cut", "cut", "cut", "mark"] as const;
const OPERATIONS = isThorough ? 48 : 30;

/** Draws whole numbers below a number. */
function draws(seed: number): (below: number) => number {
  let count = 0;
  return (below) => philox([count++, 0, 0, 0], [seed, 0])[0] % below;
}

/** Does things to a decoder at random; each read is held against a prefill by another one. */
async function expectNoHistory(model: Model, on: Engine, seed: number): Promise<void> {
  const { layers, vocabulary } = model.spec;
  const draft = { attention: [layers.findLastIndex(({ attention }) => attention)], mlp: [] };
  const opened = await decoder({ model, engine: on, draft });
  const plain = await decoder({ model, engine: on });
  const draw = draws(seed);
  const words = (count: number) => Array.from({ length: count }, () => draw(vocabulary));
  const history: string[] = [];
  async function expectLogits(text: readonly number[], found: Float32Array): Promise<void> {
    const expected = await plain.prefill([Int32Array.from(text)]);
    expectNear(model.spec, found, expected, `after ${history.join(", ")}`);
  }
  try {
    let text = words(1 + draw(100));
    let [marked, furthest] = [1, text.length];
    await opened.prefill([Int32Array.from(text)]);
    for (let i = 0; i < OPERATIONS; i++) {
      const kind = KINDS[draw(KINDS.length)];
      const more = words(kind === "step" ? 1 : 1 + draw(kind === "draft" ? 6 : 50));
      if (kind !== "step" && !opened.canExtend(more.length)) continue; // positions turn
      history.push(`${kind} ${more.length}`);
      if (kind === "mark") {
        opened.mark();
        marked = text.length;
      } else if (kind === "cut") {
        text = text.slice(0, Math.max(marked, furthest - MOST_CUT, text.length - more.length));
        await opened.cut(text.length);
      } else if (kind === "draft") {
        for (const id of more) await opened.draft(id);
        await opened.cut(text.length);
        furthest = Math.max(furthest, text.length + more.length);
      } else {
        text.push(...more);
        const logits = kind === "step" ? await opened.step(more) : await opened.extend(more);
        await expectLogits(text, logits.slice(-vocabulary));
        furthest = Math.max(furthest, text.length);
      }
      assert.equal(opened.length, text.length);
    }
  } finally {
    await opened.release();
    await plain.release();
  }
}

for (const attention of ["grouped", "standard"] as const) {
  FAMILIES.forEach((name, seed) =>
    Deno.test(`${name}, ${attention} attention: logits are those of the text, whatever was read and cut before`, () =>
      withFixture(name, async ({ model }) => {
        const on = attention === "standard" ? engineWith({ attention }) : engine;
        const before = on.live;
        await expectNoHistory(model, on, seed);
        assert.equal(on.live, before, "tensors are left");
      }))
  );
}
