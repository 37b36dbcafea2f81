/** The identity of a plan, its changes as one list, and its words. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Change,
  CHANGE_FIELDS,
  changeHash,
  CHANGES,
  type DropPlan,
  everyChange,
  isFull,
  MODULES,
  oddField,
  planHash,
  planOf,
  planPhrase,
  planText,
  TABLES,
  type TablesChange,
} from "core/measure/mod.ts";

const plain = { layer: 1, module: "mlp" } as const;
const tensors = "0123456789abcdef".repeat(4);
const type = fc.constantFrom("Q8_0", "Q5_0", "Q4_K");
const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  tensors: fc.constantFrom("0".repeat(64), "1".repeat(64)),
  along: fc.double({ noNaN: true }),
  across: fc.double({ noNaN: true }),
  in: type,
  out: type,
};

const aChange = fc.constantFrom(...CHANGES.filter((to) => to !== "nothing")).chain((to) => {
  const fields = Object.entries<boolean>(CHANGE_FIELDS[to]);
  const required = fields.flatMap(([name, isRequired]) => isRequired ? [name] : []);
  const own = fc.record(
    Object.fromEntries(fields.map(([name]) => [name, values[name]])),
    { requiredKeys: required },
  );
  return own.map((own) => ({ to, ...own }));
});

/** A change, or a drop, of each of some modules. */
const aPlan: fc.Arbitrary<DropPlan> = fc.record({
  modules: fc.uniqueArray(
    fc.record({ layer: fc.nat(5), module: fc.constantFrom(...MODULES), change: fc.option(aChange) }),
    { selector: ({ layer, module }) => `${module} ${layer}`, maxLength: 6 },
  ),
  tables: fc.option(
    fc.record(
      { both: fc.constantFrom(...TABLES), embedding: type, head: type, tensors: values.tensors },
      { requiredKeys: [] },
    ) as fc.Arbitrary<TablesChange>,
  ),
}).map(({ modules, tables }) => ({
  attention: modules.flatMap(({ layer, module, change }) => !change && module === "attention" ? [layer] : []),
  mlp: modules.flatMap(({ layer, module, change }) => !change && module === "mlp" ? [layer] : []),
  changes: modules.flatMap(({ layer, module, change }) =>
    change ? [{ layer, module, ...change } as Change] : []
  ),
  ...tables ? { tables } : {},
}));

/** An object with its fields in another order, and some absent ones undefined. */
function turned<Own extends object>(own: Own, by: number, absent: readonly string[] = []): Own {
  const fields = Object.entries(own);
  const from = fields.length === 0 ? 0 : by % fields.length;
  const missing = absent.filter((name) => !(name in own)).map((name) => [name, undefined]);
  const all = [...fields.slice(from), ...fields.slice(0, from)];
  return Object.fromEntries([...missing, ...by % 2 ? all.toReversed() : all]) as Own;
}

Deno.test("a plan's hash depends on no order of lists or fields, and on no field that is undefined", () =>
  fc.assert(fc.property(aPlan, fc.nat(24), (plan, by) => {
    const { attention, mlp, changes = [], tables } = plan;
    const other = turned({
      attention: attention.toReversed(),
      mlp: mlp.toReversed(),
      changes: changes.map((change) => turned(change, by, Object.keys(CHANGE_FIELDS[change.to])))
        .toReversed(),
      ...tables ? { tables: turned(tables, by, ["both", "embedding", "head", "tensors"]) } : {},
    }, by);
    assert.equal(planHash(other), planHash(plan));
    for (const change of changes) assert.equal(changeHash(turned(change, by)), changeHash(change));
  })));

Deno.test("plans that differ in a field have other hashes", () => {
  const typed = { ...plain, to: "types" } as const;
  const scaled = { ...plain, to: "scaled" } as const;
  const plans: Partial<DropPlan>[] = [
    {},
    { mlp: [1] },
    { attention: [1] },
    { changes: [{ ...typed, in: "Q4_0" }] },
    { changes: [{ ...typed, out: "Q4_0" }] },
    { changes: [{ ...typed, in: "Q4_0", tensors }] },
    { changes: [{ ...typed, in: "Q4_0", out: "Q4_0" }] },
    { changes: [{ ...scaled, along: 0, across: 1 }] },
    { changes: [{ ...scaled, along: 1, across: 0 }] },
    { tables: { embedding: "Q4_0" } },
    { tables: { head: "Q4_0" } },
    { tables: { embedding: "Q4_0", head: "Q5_0" } },
    { tables: { embedding: "Q5_0", head: "Q4_0" } },
    { tables: { both: "head", embedding: "Q4_0" } },
    { tables: { embedding: "Q4_0", tensors } },
  ];
  const hashes = plans.map((plan) => planHash({ attention: [], mlp: [], ...plan }));
  assert.equal(new Set(hashes).size, plans.length);
});

Deno.test("hashes are those under which results have always been kept", () => {
  const plan: DropPlan = {
    attention: [3, 1],
    mlp: [2],
    changes: [
      { layer: 0, module: "mlp", to: "types", in: "Q4_0", out: "Q5_0", tensors },
      { layer: 4, module: "attention", to: "scaled", along: 0.5, across: 1 },
      { layer: 5, module: "mlp", to: "mean", tensors },
    ],
    tables: { embedding: "Q4_0", head: "Q6_K", tensors },
  };
  assert.equal(planHash(plan), "e5cca49a7e26ab1e");
  assert.equal(planHash({ attention: [], mlp: [] }), "e3b0c44298fc1c14");
  assert.equal(changeHash({ ...plain, to: "types", out: "Q8_0" }), "bfdef21f0bb1700b");
});

Deno.test("all changes of a plan are one list by layer, attention first, and make the plan again", () =>
  fc.assert(fc.property(aPlan, ({ tables, ...plan }) => {
    const all = everyChange(plan);
    assert.equal(all.length, plan.attention.length + plan.mlp.length + plan.changes!.length);
    const places = all.map(({ layer, module }) => 2 * layer + MODULES.indexOf(module));
    assert.deepEqual(places, places.toSorted((a, b) => a - b));
    const again = planOf(all.toReversed());
    assert.deepEqual([again, everyChange(again)], [planOf(all), all]);
    assert.equal("changes" in again, plan.changes!.length > 0);
    assert.equal(planHash(again), planHash(plan));
    assert.deepEqual([isFull(again), isFull({ ...plan, tables })], [
      all.length === 0,
      all.length === 0 && !tables,
    ]);
  })));

Deno.test("the fields of each kind of change, and the first one that it does not have", () => {
  const needs = CHANGES.map((to) =>
    [to, Object.entries(CHANGE_FIELDS[to]).map(([name, needed]) => needed ? name : `${name}?`)].flat().join(
      " ",
    )
  );
  assert.deepEqual(needs, [
    ...["nothing", "mean tensors", "linear tensors", "weights tensors", "scaled along across"],
    "types in? out? tensors?",
  ]);
  const own = { ...plain, to: "scaled", along: 1, across: 0, in: undefined, out: "Q4_0", tensors };
  assert.equal(
    oddField(own as Change, " in a file"),
    'unknown field "out" of a change to "scaled" in a file, expected one of layer, module, to, along, across',
  );
  assert.equal(oddField({ ...own, out: undefined, tensors: undefined } as Change), null);
});

Deno.test("a plan in words: what it drops and changes, each kind once", () => {
  const types = (layer: number, own: object, module = "mlp") => ({ layer, module, to: "types", ...own });
  const mean = (layer: number) => ({ layer, module: "attention", to: "mean", tensors });
  const both = { in: "Q4_0", out: "Q4_0" };
  const rows: [plan: object, text: string, phrase?: string][] = [
    [{}, "nothing", "full model"],
    [{ attention: [1], mlp: [1] }, "block 1"],
    [{ attention: [1, 2], mlp: [2, 1] }, "block 1 2"],
    [{ attention: [1, 2], mlp: [1, 3] }, "attention 1 2 · MLP 1 3"],
    [{ attention: [25, 26] }, "attention 25 26"],
    [{ mlp: [4] }, "MLP 4"],
    [{ changes: [mean(5), mean(6)] }, "attention 5 6 (mean)", "with attention 5 6 (mean)"],
    [
      { mlp: [4], changes: [mean(5)] },
      "MLP 4 · attention 5 (mean)",
      "without MLP 4, with attention 5 (mean)",
    ],
    [
      { changes: [{ ...plain, to: "weights", tensors }, mean(0)] },
      "MLP 1 (refitted) · attention 0 (mean)",
      "",
    ],
    [
      { changes: [{ ...plain, to: "scaled", along: 0.5, across: 1 }] },
      "MLP 1 (0.5 along the stream, 1 across)",
      "",
    ],
    [{ changes: [0, 1, 2, 4, 6, 7].map((layer) => types(layer, both)) }, "MLP 0–2 4 6–7 (Q4_0)", ""],
    [
      {
        changes: [types(0, { in: "Q8_0" }), types(0, { out: "Q8_0" }), types(1, { in: "Q8_0", out: "Q4_0" })],
      },
      "MLP 0 (gate-up Q8_0) · MLP 0 (down Q8_0) · MLP 1 (gate-up Q8_0, down Q4_0)",
      "",
    ],
    [{ changes: [types(3, { in: "Q8_0", out: "Q4_0" }, "attention")] }, "attention 3 (qkv Q8_0, o Q4_0)", ""],
    [{ tables: { both: "head", embedding: "Q5_0" } }, "one table (the head's) · embedding Q5_0", ""],
    [{ tables: { head: "Q6_K" } }, "head Q6_K", ""],
  ];
  for (const [own, text, phrase = `without ${text}`] of rows) {
    const plan = { attention: [], mlp: [], ...own };
    assert.deepEqual([planText(plan), planPhrase(plan)], [text, phrase || `with ${text}`]);
  }
});
