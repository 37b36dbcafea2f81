/** Measured speeds: who is when, what is exact, what is predicted. That something is fast is never asserted. */
import assert from "node:assert/strict";
import { type MlpSpec, scoring } from "core/models/mod.ts";
import { head, resultText } from "core/result/mod.ts";
import { type Speed, speed, speedKind } from "features/speed/mod.ts";
import { noDrop, widthOf } from "core/run/mod.ts";
import { estimate } from "features/by_name.ts";
import { evaluate } from "features/evaluate/mod.ts";
import { bytesAlone, openPartChain, openParts, type PartTimes, predict } from "features/speed/parts.ts";
import { orderOf, type Player, takeTurns, turnsOf } from "features/speed/turns.ts";
import { toFloat32 } from "core/tensor/mod.ts";
import { engine, near, thorough } from "../../support.ts";
import { withTiny } from "../../core/study/tiny.ts";

const quick = { context: [20], new: 2, repeat: 2, engine: "cpu" } as const;
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

Deno.test("in each turn all are met once, and another one begins", async () => {
  assert.deepEqual([0, 1, 4].map((turn) => orderOf(3, turn)), [[0, 1, 2], [1, 2, 0], [1, 2, 0]]);
  const played: string[] = [];
  const player = (name: string): Player => ({
    warmUp: () => Promise.resolve(played.push(`${name}w`)),
    prefill: () => Promise.resolve(played.push(`${name}p`)),
    step: () => Promise.resolve(played.push(name)),
  });
  let turns = 0;
  const options = { repeat: 2, steps: 2, warmUp: 1, onTurn: () => turns++ };
  const times = await takeTurns([player("a"), player("b")], options);
  assert.equal(played.join(" "), "aw bw ap bp a b b a a b bp ap b a a b b a");
  assert.deepEqual(times.map(({ prefill, steps }) => [prefill.length, steps.length]), [[2, 4], [2, 4]]);
  assert.equal(turns, turnsOf(2, options));
});

Deno.test("a stop ends it within a turn", async () => {
  const controller = new AbortController();
  let steps = 0;
  const player: Player = {
    warmUp: () => Promise.resolve(),
    prefill: () => Promise.resolve(),
    step: () => Promise.resolve(++steps === 3 && controller.abort(new Error("enough"))),
  };
  const running = takeTurns([player, player], { repeat: 9, steps: 9, warmUp: 0, signal: controller.signal });
  await assert.rejects(running, /enough/);
  assert.equal(steps, 4);
});

/** A setting, and what was measured in it, since each measurement takes a second. */
const plans = [{ attention: [1], mlp: [0] }];
const asked = { ...quick, engine, batch: [1, 2] };
let measured: Speed | undefined;

for (const name of ["llama", "gemma2", "neox-parallel"]) {
  const test = name === "llama" ? Deno.test : thorough;
  test(`${name}: bytes are those of the real tensors and caches; nothing is left behind`, () =>
    withTiny(async ({ model }) => {
      const before = engine.live;
      const [plan] = plans;
      const result = await speed(model, plans, asked);
      if (name === "llama") measured = result;
      assert.equal(engine.live, before);
      const stored = async (dropped: typeof plan) => {
        let bytes = 0;
        for (const l of model.spec.layers.keys()) {
          const { tensors, release } = await model.weights.layer(l);
          for (const [name, tensor] of tensors) {
            const [kind] = name.split(".") as ["attention" | "mlp"];
            if (!dropped[kind].includes(l)) bytes += toFloat32(tensor).byteLength;
          }
          release();
        }
        const outer = ["final_norm.weight", "head.weight"]; // rows of the embedding are read where they lie
        if (name === "neox-parallel") outer.push("final_norm.bias");
        for (const each of outer) bytes += toFloat32(await model.weights.outer(each)).byteLength;
        return bytes;
      };
      assert.equal(result.plans[0].weightBytes, await stored({ attention: [], mlp: [] }));
      assert.equal(result.plans[1].weightBytes, await stored(plan));
      assert.deepEqual(result.points.map(({ batch, context }) => [batch, context]), [[1, 20], [2, 20]]);
      const { kvHeads, headSize } = scoring(model.spec.layers[0].attention)!;
      for (const { batch, plans } of result.points) {
        const text = 20 * 2 * 4 * kvHeads * headSize; // of a layer: a key and a value of each token of the context
        plans.forEach(({ keyBytes }, i) =>
          assert.equal(keyBytes, batch * text * (model.spec.layers.length - i))
        );
        assert.deepEqual(plans[0].roofline, { prefill: 1, decode: 1, whole: 1 });
        assert.deepEqual(plans[0].speedup.decode, { median: 1, low: 1, high: 1 });
        assert.ok(plans[1].roofline!.decode > 1 && plans[1].predicted!.whole > 1);
      }
    }, name));
}

Deno.test("what a token takes, by hand, from what the parts take", () =>
  withTiny(({ model }) => {
    const { spec } = model;
    const on = { model, has: engine.has };
    const roof = { bandwidth: 1000, rate: 1e15 };
    const parts: PartTimes = {
      products: roof,
      keys: { bandwidth: 10, rate: 1e15 },
      overhead: { attention: 3, mlp: 5, step: 7 },
    };
    const { mlp } = spec.layers[0];
    const attention = scoring(spec.layers[0].attention);
    const [width, keys] = [attention!.heads * attention!.headSize, attention!.kvHeads * attention!.headSize];
    const bytes = {
      attention: 4 * spec.hidden * (2 * width + 2 * keys + 1),
      mlp: 4 * spec.hidden * (3 * (mlp as MlpSpec).size + 1),
      head: 4 * spec.hidden * spec.vocabulary,
    };
    const plan = { attention: [0], mlp: [] };
    const setting = { batch: 1, context: 10 };
    const layers = spec.layers.length;
    const weights = ((layers - 1) * bytes.attention + layers * bytes.mlp + bytes.head) / 1000;
    const cores = (layers - 1) * 4 * 2 * keys * (10 + 2 + 1);
    const step = weights + cores / 10 + (layers - 1) * 3 + layers * 5 + 7;
    near(predict(on, plan, setting, 4, parts).step / step, 1, 1e-12);
    near(predict(on, plan, setting, 4, bytesAlone(parts)).step / (weights + cores / 1000), 1, 1e-12);
    // One part of ten tokens: the weights once more, ten rows of keys.
    const reading = step - cores / 10 + (layers - 1) * 4 * 2 * keys * 10 / 10;
    near(predict(on, plan, setting, 4, parts).prefill / reading, 1, 1e-12);
    return Promise.resolve();
  }));

Deno.test("the parts give numbers above zero at any context, also one shorter than their own", () =>
  withTiny(async ({ model }) => {
    await using chain = await openPartChain(model, engine);
    for (const context of [4, 40]) {
      await using parts = await openParts(model, engine, chain, { batch: 2, context });
      const medians = Array.from({ length: 6 }, (_, i) => ({ prefill: 1 + i, step: 1 }));
      const { products, keys, overhead } = parts.read(medians, 4);
      for (const value of [...Object.values(products), ...Object.values(keys)]) {
        assert.ok(value > 0 && value < Infinity);
      }
      for (const value of Object.values(overhead)) assert.ok(value >= 0);
      for (const player of parts.players) {
        await player.warmUp();
        await player.prefill();
        await player.step();
      }
    }
  }));

Deno.test("gamma is of the evaluations of the same plan and model", () =>
  withTiny(async ({ model }) => {
    const plan = { attention: [1], mlp: [] };
    const few = { engine: "cpu", tasks: ["openbookqa"], limit: 3, prompts: 0 } as const;
    const evaluations = await evaluate(model, [noDrop, plan], few);
    const rest = { of: ["openbookqa"], stderr: null, low: null, high: null, against: null };
    const of = (value: number, i: number) => ({ ...evaluations[i], average: { value, ...rest } });
    const plans = [plan, { attention: [0] }];
    const result = await speed(model, plans, { ...quick, evaluations: [of(0.5, 0), of(0.4, 1)] });
    const [full, dropped, other] = result.points[0].plans;
    assert.deepEqual([full.gamma, other.gamma], [null, null]);
    const { whole } = dropped.speedup;
    if (whole <= 1) assert.equal(dropped.gamma, null);
    else near(dropped.gamma!, 10 / (100 * (whole - 1)), 1e-9);
  }));

Deno.test("the estimate counts runs and memory; the form holds what was measured", () =>
  withTiny(async ({ model }) => {
    const { prefills, steps, seconds, bytes } = await estimate("speed", model, plans, asked);
    assert.deepEqual([prefills, steps], [2 * 2 * 2, 2 * 2 * 4 * 2]);
    const longer = await estimate("speed", model, plans, { ...asked, repeat: 10_000, context: [2000] });
    assert.ok(seconds > 0 && longer.seconds > 100 * seconds); // whatever the machine does meanwhile
    const result = measured ?? await speed(model, plans, asked);
    const { layers } = model.spec;
    const { kvHeads, headSize } = scoring(layers[0].attention)!;
    const tokens = 20 + 2 + 2; // the context, a warm-up of two steps, two steps
    const rows = 128; // a multiple of those that are spared in two texts
    const keysOf = (layers: number) => rows * layers * 2 * 4 * kvHeads * headSize;
    const keys = keysOf(layers.length) + keysOf(layers.length - 1) + 3 * keysOf(6); // two plans, and six layers of three parts
    const ids = (2 + 6) * (256 + 8 * tokens); // those of the plans and of the six parts
    const { hidden, vocabulary } = model.spec;
    const heads = scoring(layers[0].attention)!.heads * headSize;
    const watched = (layers: number, hidden: number) => 2 * layers * (2 * hidden + 2 * heads);
    const made = 4 * (20 * hidden + 20 * Math.max(...layers.map(widthOf)) + vocabulary + // texts side by side are read whole
      20 * watched(layers.length, hidden) + (20 + 16) * watched(6, 64));
    const weights = sum(result.plans.map(({ weightBytes }) => weightBytes));
    assert.equal(bytes, (250 + 128) * 2 ** 20 + weights + 2 * (keys + ids + made)); // two texts
    const read = JSON.parse(resultText(result));
    assert.deepEqual(read, JSON.parse(JSON.stringify(result)));
    assert.deepEqual({ kind: read.kind, method: read.method }, head(speedKind));
    assert.deepEqual(Object.keys(read.points[0].parts), [
      ...["bandwidth", "rate", "keyBandwidth", "keyRate", "attention", "mlp", "step"],
    ]);
  }));
