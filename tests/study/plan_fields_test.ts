/** A change has the fields of its own kind alone: another one is refused by name wherever plans are read, never dropped in silence. */
import assert from "node:assert/strict";
import { type Change, CHANGE_FIELDS, CHANGES } from "../../src/measure/mod.ts";
import { head, type Plan, readResult, writeResult } from "../../src/result/mod.ts";
import { dropPlan } from "../../src/run/mod.ts";
import { dropsIn, exportModel, perplexities, readPlan, writePlan } from "../../src/mod.ts";
import { perplexity } from "../result/samples.ts";
import { fit as someFit } from "../show/synthetic_fit.ts";
import { refuses, withFixture, withFolder } from "../support.ts";
import { withTiny } from "./tiny.ts";

const VALUES = {
  along: 0.5,
  across: 1,
  tensors: "0".repeat(64),
  in: "Q8_0",
  out: "Q8_0",
} as const;
type Field = keyof typeof VALUES;
const FIELDS = Object.keys(VALUES) as Field[];

/** A change of attention 1 with what its kind has to have, and other fields. */
function changed(to: Change["to"], others: object = {}): Change {
  const own = Object.entries<boolean>(CHANGE_FIELDS[to])
    .flatMap(([name, isRequired]) => isRequired ? [[name, VALUES[name as Field]]] : []);
  const some = to === "types" ? { in: "Q8_0" } : {}; // one of two is enough
  return { layer: 1, module: "attention", to, ...some, ...Object.fromEntries(own), ...others } as Change;
}

/** Every kind of change with every field that is another kind's. */
const foreign = CHANGES.flatMap((to) =>
  FIELDS.filter((name) => !Object.hasOwn(CHANGE_FIELDS[to], name)).map((name) => {
    const known = ["layer", "module", "to", ...Object.keys(CHANGE_FIELDS[to])].join(", ");
    return {
      change: changed(to, { [name]: VALUES[name] }),
      message: (where = "") =>
        `unknown field "${name}" of a change to "${to}"${where}, expected one of ${known}`,
    };
  })
);

const plan: Plan = {
  ...head("plan"),
  model: "tiny",
  layers: 3,
  target: "attention",
  by: "importance",
  seed: null,
  attention: [],
  mlp: [],
  order: [],
};

Deno.test("each of the 22 fields that kinds of change lack is refused where plans become changes of a model", () =>
  withFixture("llama", ({ model: { spec } }) => {
    assert.equal(foreign.length, 6 * 5 - 8); // six kinds, five fields, eight pairs that belong together
    for (const { change, message } of foreign) {
      const name = change.to === "nothing" ? "drop attention 1" : "change attention 1";
      assert.throws(() => dropPlan(spec, { changes: [change] }), {
        name: "TypeError",
        message: `Cannot ${name}: ${message()}`,
      });
    }
    for (const to of CHANGES) {
      const absent = Object.fromEntries(
        FIELDS.filter((name) => !Object.hasOwn(changed(to), name)).map((name) => [name, undefined]),
      );
      dropPlan(spec, { changes: [changed(to, absent)] }); // undefined counts as absent
    }
    return Promise.resolve();
  }));

Deno.test("lists of any kind and fields that are inherited make the same plan", () =>
  withFixture("llama", ({ model: { spec } }) => {
    const change = changed("weights");
    const plain = dropPlan(spec, { attention: [0], changes: [change] });
    const listed = Uint8Array.of(0) as unknown as number[];
    const other = dropPlan(spec, { attention: listed, changes: [Object.create(change)] });
    assert.equal(JSON.stringify(other), JSON.stringify(plain));
    return Promise.resolve();
  }));

Deno.test("files of plans, fits and results with plans say where the field is", () =>
  withFolder(async (folder) => {
    const path = `${folder}/file.json`;
    const refused = async (file: object, where: string, text: string, read: (path: string) => unknown) => {
      await Deno.writeTextFile(path, JSON.stringify(file));
      await refuses(`TypeError: Cannot read ${path}: at ${where}: `, read, [[path, text]]);
    };
    const fit = someFit({ layers: 3, model: "tiny" } as never);
    const { provenance, ...result } = perplexity();
    for (const { change, message } of foreign) {
      const changes = [changed("mean", { layer: 0 }), change];
      const drop = { ...provenance.drop, changes };
      await refused({ ...plan, changes }, "changes[1]", message(), readPlan);
      await refused({ ...fit, plan: { ...fit.plan, changes } }, "plan.changes[1]", message(), readPlan);
      const ran = { ...result, provenance: { ...provenance, drop } };
      await refused(ran, "provenance.drop.changes[1]", message(), (path) => readResult(path, "perplexity"));
      await refuses(
        "TypeError: Cannot write ",
        (write: typeof writePlan) => write(path, { ...plan, changes }),
        [
          [writePlan, `a plan: ${message(" in plan.changes[1]")}`],
          [writeResult as never, "unknown field"],
        ],
      );
    }
    await Deno.writeTextFile(path, JSON.stringify({ ...plan, atention: [2] }));
    await refuses("TypeError: Cannot read ", readPlan, [
      [path, /file\.json: unknown field "atention" of a plan, .* \(did you mean "attention"\?\)$/],
    ]);
    const entry = { module: "attention", layer: 1, score: null, heads: [1] };
    const field = 'unknown field "heads" of an entry of order, expected one of module, layer, score';
    await refused({ ...plan, order: [entry] }, "order[0]", field, readPlan);
  }));

Deno.test("the library refuses them as options, and a plan that was edited", () =>
  withTiny(async ({ model, options, folder }) => {
    const call = (study: () => unknown) => study();
    for (const { change, message } of foreign) {
      const changes = [change];
      const measure = () => perplexities(model, [{}, { changes }], options);
      await refuses("TypeError: Cannot ", call, [
        [measure, `measure perplexities: ${message(" in plans[1].changes[0]")}`],
        [() => dropsIn(model, { changes }), `drop modules: ${message(" in plan.changes[0]")}`],
      ]);
    }
    const odd = { ...plan, heads: [1] } as Plan;
    const where = { out: `${folder}/out`, format: "hf" } as never;
    const text = 'unknown field "heads" of a plan in plan, expected one of kind, method, model, ';
    await refuses("TypeError: Cannot ", call, [
      [() => dropsIn(model, odd), text],
      [() => exportModel(model, odd, where), text],
      ...(["mean", "linear", "weights"] as const).map((to) => {
        const { tensors: _, ...change } = changed(to) as Change & { tensors?: string };
        const missing = /changes\[0\]\.tensors is (?:undefined|missing), /;
        return [() => dropsIn(model, { changes: [change as Change] }), missing] as const;
      }),
    ]);
  }));
