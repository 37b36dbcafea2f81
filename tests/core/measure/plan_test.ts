/** The identity of a plan: equal for equal plans, however their lists and fields are ordered, and for no others. */
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type Change,
  CHANGE_FIELDS,
  changeHash,
  CHANGES,
  type DropPlan,
  MODULES,
  planHash,
  TABLES,
  type TablesChange,
} from "core/measure/mod.ts";

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
    fc.record({
      layer: fc.nat(5),
      module: fc.constantFrom(...MODULES),
      change: fc.option(aChange),
    }),
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
  const tensors = "0".repeat(64);
  const typed = { layer: 1, module: "mlp", to: "types" } as const;
  const scaled = { layer: 1, module: "mlp", to: "scaled" } as const;
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
  const tensors = "0123456789abcdef".repeat(4);
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
});
