/** Plans under constraints and for budgets, whatever the scores: properties over made-up orders. */
import assert from "node:assert/strict";
import { scoring } from "core/models/mod.ts";
import fc from "fast-check";
import { type DropOrder, fits, makePlan, order, orderKind, type PlanOptions } from "features/orders/mod.ts";
import { head, type Plan } from "core/result/mod.ts";
import { sizesOf } from "core/subject/mod.ts";
import { profile, provenance } from "../../core/show/synthetic.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { refuses } from "../../support.ts";

const L = 6;
type Target = DropOrder["target"];

/** An order of everything of a target in a model of L layers, by made-up scores; layer 2 has no attention, layer 4 a window. */
function orderOf(target: Target, scores: readonly number[]): DropOrder {
  const has = (kind: string, layer: number) => kind !== "attention" || layer !== 2;
  const kinds = target === "joint" ? ["attention", "mlp"] : [target === "consecutive" ? "block" : target];
  const sizes = Array.from({ length: target === "consecutive" ? L : 1 }, (_, n) => n + 1);
  const entries = kinds.flatMap((module) =>
    sizes.flatMap((size) =>
      Array.from({ length: L + 1 - size }, (_, layer) => ({ module: module as "block", layer, size }))
    )
  ).filter(({ module, layer }) => has(module, layer));
  return {
    ...{
      ...head(orderKind),
      provenance: provenance({ layers: L }),
      target,
      by: "importance",
      seed: null,
      nll: null,
    },
    ...{ upto: entries.length, constraints: { protectFirst: 0, protectLast: 0, noNeighbours: false } },
    order: entries.map((entry, i) => ({ ...entry, score: scores[i] }))
      .sort((a, b) => a.size - b.size || a.score - b.score),
    sizes: {
      ...{ hidden: 8, parameters: 2000, attention: [100, 100, null, 100, 100, 100] },
      ...{ mlp: [200, 200, 200, 200, 200, 200], kvBytes: [10, 10, null, 10, 10, 10] },
      kvTokens: [null, null, null, null, 64, null],
    },
  };
}

const scores = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 30, maxLength: 30 });
const modules = fc.constantFrom<Target>("attention", "mlp", "block", "joint");
const fields = { protectFirst: fc.nat(3), protectLast: fc.nat(3), noNeighbours: fc.boolean() };
const constraints = fc.record(fields, { noNullPrototype: true });

/** The largest plan that constraints allow. */
function largest(from: DropOrder, options: PlanOptions): Plan {
  for (let drop = from.order.length;; drop--) {
    try {
      return makePlan(from, { ...options, drop });
    } catch (error) {
      assert.match(`${error}`, /: Cannot drop \d+ [\w ]+: expected a whole number from 0 to \d+/);
    }
  }
}

Deno.test("constraints hold in every plan, which leaves out only what they or its own drops forbid", () => {
  fc.assert(fc.property(modules, scores, constraints, (target, scores, constraints) => {
    const from = orderOf(target, scores);
    const { order } = largest(from, constraints);
    for (const [i, { module, layer }] of order.entries()) {
      assert.ok(layer >= constraints.protectFirst && layer < L - constraints.protectLast);
      const isClose = (other: typeof order[0]) =>
        other.module === module && Math.abs(other.layer - layer) < 2;
      const close = order.filter((other, j) => j !== i && isClose(other));
      assert.ok(!constraints.noNeighbours || close.length === 0, "neighbours are counted by kind");
    }
    const taken = order.map((entry) => ({ ...entry, size: 1 }));
    const before = (entry: DropOrder["order"][number]) =>
      taken.filter(({ score }) => score! < entry.score! || score === entry.score);
    for (const entry of from.order) {
      const isTaken = taken.some(({ module, layer }) => module === entry.module && layer === entry.layer);
      if (!isTaken) assert.ok(!fits(entry, before(entry), L, constraints), `${entry.module} ${entry.layer}`);
    }
  }));
});

Deno.test("a profile's plan and an order's are the same under the same constraints", () => {
  const measured = profile({ layers: L, attention: [2] });
  fc.assert(fc.property(constraints, (constraints) => {
    const from = orderOf("attention", []);
    const importance = measured.attention.importance;
    const order = from.order.map((entry) => ({ ...entry, score: importance[entry.layer] }))
      .sort((a, b) => a.score! - b.score! || b.layer - a.layer);
    const { attention } = largest({ ...from, order }, constraints);
    const { length } = attention;
    const made = (drop: number) =>
      makePlan(measured, { target: "attention", drop, ...constraints }).attention;
    assert.deepEqual(made(length), attention);
    const message = new RegExp(`from 0 to ${length}(, the number that the constraints allow)?$`);
    assert.throws(() => made(length + 1), { message });
  }));
});

/** What a plan saves of a sequence, counted here. */
const savedBy = ({ attention, mlp }: Plan, what: "parameters" | "kvBytes", context: number) =>
  what === "parameters"
    ? 100 * attention.length + 200 * mlp.length
    : attention.reduce((sum, layer) => sum + 10 * (layer === 4 ? Math.min(64, context) : context), 0);

Deno.test("a budget is met by the fewest drops, in order, and the plan says what it saves", () => {
  const amounts = fc.constantFrom("parameters" as const, "kvBytes" as const);
  const targets = fc.constantFrom<Target>("attention", "mlp", "block", "joint", "consecutive");
  const shares = fc.double({ min: 0.01, max: 0.99, noNaN: true });
  fc.assert(
    fc.property(targets, scores, amounts, shares, fc.boolean(), (target, scores, what, share, asNumber) => {
      const [from, context, kv] = [orderOf(target, scores), 100, 10 * (4 * 100 + 64)];
      const whole = what === "parameters" ? 2000 : kv;
      const wanted = asNumber ? Math.max(2, Math.round(share * whole)) : share;
      const needed = asNumber ? wanted : share * whole;
      const most = target === "consecutive" ? L : from.order.length;
      const bySize = Array.from({ length: most + 1 }, (_, drop) => makePlan(from, { drop, context }));
      const first = bySize.find((plan) => savedBy(plan, what, context) >= needed);
      const planned = () => makePlan(from, { [what]: wanted, context });
      const tooMuch = /^RangeError: Cannot save .*: found \d+ of \d+ in .*, expected at most that/;
      if (!first) return assert.throws(planned, tooMuch);
      const plan = planned();
      assert.deepEqual(plan, first);
      const [parameters, kvBytesPerToken] = [savedBy(plan, "parameters", 1), 10 * plan.attention.length];
      const bytes = savedBy(plan, "kvBytes", context);
      assert.deepEqual(plan.saves, {
        ...{ parameters, parametersShare: parameters / 2000, kvBytesPerToken, kvShare: kvBytesPerToken / 50 },
        kv: { context, bytes, share: bytes / kv },
      });
    }),
  );
});

Deno.test("windows keep clear of protected layers; each number of blocks has its own best", () => {
  fc.assert(fc.property(scores, fc.nat(2), fc.nat(2), (scores, protectFirst, protectLast) => {
    const from = orderOf("consecutive", scores);
    const room = L - protectFirst - protectLast;
    for (let drop = 1; drop <= room; drop++) {
      const { mlp, order } = makePlan(from, { drop, protectFirst, protectLast });
      assert.deepEqual(mlp, Array.from({ length: drop }, (_, i) => mlp[0] + i));
      assert.ok(mlp[0] >= protectFirst && mlp.at(-1)! < L - protectLast);
      const open = from.order.filter(({ layer, size }) =>
        size === drop && layer >= protectFirst && layer + size <= L - protectLast
      );
      assert.equal(order[0].score, Math.min(...open.map(({ score }) => score!)));
    }
    assert.throws(() => makePlan(from, { drop: room + 1, protectFirst, protectLast }), {
      message: `Cannot drop ${room + 1} consecutive blocks: expected a whole number from 0 to ${room}`,
    });
  }));
});

Deno.test("what a plan cannot be made from is refused in a line", async () => {
  const zeros = Array<number>(L * L).fill(0);
  const [from, measured, windows] = [
    orderOf("mlp", zeros),
    profile({ layers: L }),
    orderOf("consecutive", zeros),
  ];
  const searched = { ...from, by: "greedy" as const };
  const exactly = "expected exactly one of `drop`, `parameters`, `kvBytes`";
  const plan = ([of, options]: [typeof from | typeof measured, PlanOptions]) => makePlan(of, options);
  await refuses("Cannot ", plan, [
    [[measured, { target: "consecutive", drop: 1 }], "from a profile: it has no windows, expected an order"],
    [[measured, { drop: 1 }], "target is missing, expected one of attention", "TypeError"],
    [[from, { drop: 1, parameters: 0.1 }], `found \`drop\` and \`parameters\`, ${exactly}`, "TypeError"],
    [[from, {}], `found no number of modules and no savings, ${exactly}`, "TypeError"],
    [[from, { drop: 1, target: "attention" }], "target is attention, expected mlp, as in the order"],
    [[from, { kvBytes: 0.1 }], "save 10% of the bytes of keys and values: found 0 of 328320 in all 6 MLPs"],
    [[searched, { drop: 1, noNeighbours: true }], "each drop was chosen with the earlier ones in place"],
    [[windows, { drop: 1, noNeighbours: true }], "noNeighbours is true, expected false"],
  ]);
});

for (const name of ["llama", "qwen2", "gemma2", "neox-parallel"]) {
  Deno.test(`${name}: sizes are those of the checkpoint's own tensors`, () =>
    withTiny(async ({ model, options }) => {
      const sizes = sizesOf(model.spec);
      const count = (start: string, tensors: ReadonlyMap<string, { shape: readonly number[] }>) =>
        [...tensors].filter(([name]) => name.startsWith(start))
          .reduce((sum, [, { shape }]) => sum + shape.reduce((all, side) => all * side, 1), 0);
      let layers = 0;
      for (const l of model.spec.layers.keys()) {
        const lease = await model.weights.layer(l);
        for (const kind of ["attention", "mlp"] as const) {
          assert.equal(sizes[kind][l], count(`${kind}.`, lease.tensors));
        }
        layers += count("", lease.tensors);
        lease.release();
      }
      const { vocabulary, hidden, head: { tied }, finalNorm } = model.spec;
      const outer = vocabulary * hidden * (tied ? 1 : 2) + hidden * (finalNorm.kind === "rms" ? 1 : 2);
      assert.equal(sizes.parameters, layers + outer);
      const { kvHeads, headSize } = scoring(model.spec.layers[0].attention)!;
      assert.equal(sizes.kvBytes[0], 2 * 2 * kvHeads * headSize); // keys and values, two bytes each
      const all = await order(model, { ...options, target: "block", by: "deepest" });
      assert.deepEqual(makePlan(all, { parameters: 2 }).mlp, [model.spec.layers.length - 1]);
      for (const [share, percentage] of [[0.03, "3%"], [0.2, "20%"]] as const) {
        for (const name of ["parameters", "kvBytes"]) {
          assert.deepEqual(makePlan(all, { [name]: percentage }), makePlan(all, { [name]: share }));
        }
      }
      assert.equal(makePlan(all, { kvBytes: "100%" }).saves?.kvShare, 1);
    }, name));
}
