/** A change has the fields of its own kind alone: another one is refused by name wherever plans are read, never dropped in silence. */
import assert from "node:assert/strict";
import { type Change, CHANGE_FIELDS, type ChangeField, CHANGES } from "core/measure/mod.ts";
import { head, type Plan, planKind } from "core/result/mod.ts";
import { dropPlan } from "core/run/mod.ts";
import { dropsIn } from "core/study/plan.ts";
import { exportModel } from "features/export/export.ts";
import { perplexities } from "features/losses/study.ts";
import { readPlan, writePlan } from "core/study/plan_file.ts";
import { perplexity } from "../result/samples.ts";
import { fit as someFit } from "../show/synthetic_fit.ts";
import { type Refusal, refuses, withFolder } from "../../support.ts";
import { onUnix, ran } from "../../tools.ts";
import { withTiny } from "./tiny.ts";
import { readResult, writeResult } from "features/by_name.ts";

const VALUES: Record<ChangeField, unknown> = {
  ...{ along: 0.5, across: 1, tensors: "0".repeat(64), in: "Q8_0", out: "Q8_0" },
};
const FIELDS = Object.keys(VALUES) as (keyof typeof VALUES)[];

/** A change of attention 1 with what its kind has to have, and other fields. */
function changed(to: Change["to"], others: object = {}): Change {
  const own = Object.entries<boolean>(CHANGE_FIELDS[to]).filter(([, isRequired]) => isRequired)
    .map(([name]) => [name, VALUES[name as keyof typeof VALUES]]);
  const some = to === "types" ? { in: "Q8_0" } : {}; // one of two is enough
  return { layer: 1, module: "attention", to, ...some, ...Object.fromEntries(own), ...others } as Change;
}

/** Every kind of change with every field that is another kind's. */
const foreign = CHANGES.flatMap((to) =>
  FIELDS.filter((name) => !Object.hasOwn(CHANGE_FIELDS[to], name)).map((name) => {
    const known = ["layer", "module", "to", ...Object.keys(CHANGE_FIELDS[to])].join(", ");
    const message = (where = "") =>
      `unknown field "${name}" of a change to "${to}"${where}, expected one of ${known}`;
    return { change: changed(to, { [name]: VALUES[name] }), message };
  })
);

const plan: Plan = {
  ...{ ...head(planKind), model: "tiny", layers: 3, target: "attention", by: "importance", seed: null },
  ...{ attention: [], mlp: [], order: [] },
};

Deno.test("each field that a kind of change lacks is refused by name in plans, files and options", () =>
  withTiny(async ({ model, options, folder }) => {
    const path = `${folder}/file.json`;
    const reading = (file: object, read: (path: string) => unknown = readPlan) => async () => {
      await Deno.writeTextFile(path, JSON.stringify(file));
      await read(path);
    };
    const fit = someFit({ layers: 3, model: "tiny" } as never);
    const { provenance, ...result } = perplexity();
    const call = (use: () => unknown) => use();
    const { spec } = model;
    for (const { change, message } of foreign) {
      const name = change.to === "nothing" ? "drop attention 1" : "change attention 1";
      const changes = [changed("mean", { layer: 0 }), change];
      const ran = { ...result, provenance: { ...provenance, drop: { ...provenance.drop, changes } } };
      const read = (at: string) => `read ${path}: at ${at}changes[1]: ${message()}`;
      const measured = () => perplexities(model, [{}, { changes: [change] }], options);
      const rows: readonly Refusal<() => unknown>[] = [
        [() => dropPlan(spec, { changes: [change] }), `${name}: ${message()}`],
        [reading({ ...plan, changes }), read("")],
        [reading({ ...fit, plan: { ...fit.plan, changes } }), read("plan.")],
        [reading(ran, (path) => readResult(path, "perplexity")), read("provenance.drop.")],
        [() => writePlan(path, { ...plan, changes }), `write a plan: ${message(" in plan.changes[1]")}`],
        [() => writeResult(path, { ...plan, changes } as never), "unknown field"],
        [measured, `measure perplexities: ${message(" in plans[1].changes[0]")}`],
        [() => dropsIn(model, { changes: [change] }), `drop modules: ${message(" in plan.changes[0]")}`],
      ];
      await refuses("TypeError: Cannot ", call, rows);
    }
    const entry = { module: "attention", layer: 1, score: null, heads: [1] };
    const odd = { ...plan, heads: [1] } as Plan;
    const text = 'unknown field "heads" of a plan in plan, expected one of kind, method, model, ';
    await refuses("TypeError: Cannot ", call, [
      [
        reading({ ...plan, atention: [2] }),
        /unknown field "atention" of a plan, .* \(did you mean "attention"\?\)$/,
      ],
      [
        reading({ ...plan, order: [entry] }),
        'at order[0]: unknown field "heads" of an entry of order, expected one of module, layer, score',
      ],
      [() => dropsIn(model, odd), text],
      [() => exportModel(model, odd, { out: `${folder}/out`, format: "hf" } as never), text],
      ...(["mean", "linear", "weights"] as const).map((to): Refusal<() => unknown> => {
        const { tensors: _, ...change } = changed(to) as Change & { tensors?: string };
        const missing = /changes\[0\]\.tensors is (?:undefined|missing), /;
        return [() => dropsIn(model, { changes: [change as Change] }), missing];
      }),
    ]);
  }));

Deno.test("undefined counts as absent; lists of any kind and fields that are inherited make the same plan", () =>
  withTiny(({ model: { spec } }) => {
    for (const to of CHANGES) {
      const absent = FIELDS.filter((name) => !Object.hasOwn(changed(to), name)).map((
        name,
      ) => [name, undefined]);
      dropPlan(spec, { changes: [changed(to, Object.fromEntries(absent))] });
    }
    const change = changed("weights");
    const plain = dropPlan(spec, { attention: [0], changes: [change] });
    const listed = Uint8Array.of(0) as unknown as number[];
    const other = dropPlan(spec, { attention: listed, changes: [Object.create(change)] });
    assert.equal(JSON.stringify(other), JSON.stringify(plain));
    return Promise.resolve();
  }));

Deno.test("a plan without the name or the layers of its model is refused by name", () =>
  withTiny(async ({ model, options, folder }) => {
    const whole = "expected a whole number of at least 1";
    const rows: readonly (readonly [own: object, found: string, name: string])[] = [
      [{ layers: {} }, `layers is an object, ${whole}`, "TypeError"],
      [{ layers: "3" }, `layers is "3", ${whole}`, "TypeError"],
      [{ layers: undefined }, `layers is missing, ${whole}`, "TypeError"],
      [{ layers: 0 }, `layers is 0, ${whole}`, "RangeError"],
      [{ model: {} }, "model is an object, expected a text", "TypeError"],
    ];
    for (const [own, found, name] of rows) {
      const odd = { ...plan, ...own } as Plan;
      await refuses("Cannot ", (use: () => unknown) => use(), [
        [() => dropsIn(model, odd), `drop modules: plan.${found}`, name],
        [() => perplexities(model, [odd], options), `measure perplexities: plans[0].${found}`, name],
        [() => writePlan(`${folder}/plan.json`, odd), `write a plan: plan.${found}`, name],
      ]);
    }
  }));

onUnix(
  "a plan is read from a file of its size: a pipe, a device and 100 MB are refused, and nothing waits",
  () =>
    withFolder(async (folder) => {
      const at = (name: string) => `${folder}/${name}`;
      await ran("mkfifo", [at("pipe.json")]);
      await Deno.writeFile(at("large.json"), new Uint8Array());
      await Deno.truncate(at("large.json"), 100e6 + 1);
      await Deno.writeTextFile(at("plan.json"), JSON.stringify(plan));
      await Deno.symlink(at("plan.json"), at("link.json"));
      assert.deepEqual(await readPlan(at("link.json")), plan);
      const unread = "found a device or a pipe, expected a file on a disk";
      await refuses("Error: Cannot read ", (path: string) => readPlan(path), [
        [at("pipe.json"), `a plan from ${at("pipe.json")}: ${unread}`],
        ["/dev/zero", `a plan from /dev/zero: ${unread}`],
        [
          at("large.json"),
          `a plan from ${at("large.json")}: found 100,000,001 bytes, expected at most 100 MB`,
        ],
        [at("none.json"), at("none.json")],
        [folder, folder],
      ]);
    }),
);
