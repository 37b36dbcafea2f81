/** Repairs: means beside those of a plain sum, studies under repaired plans, plan files old and new, and what can be wrong with them. */
import assert from "node:assert/strict";
import { silenced } from "../../core/run/states.ts";
import { divisionOf } from "core/study/study.ts";
import { estimate } from "features/by_name.ts";
import { makePlan } from "features/orders/mod.ts";
import { observe } from "features/observe/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { readPlan, writePlan } from "core/study/plan_file.ts";
import { repair, repairStudy } from "features/repair/mod.ts";
import { type Change, everyChange, noDrop, planHash } from "core/measure/mod.ts";
import { type Plan, resultText } from "core/result/mod.ts";
import { tensorsOf } from "core/run/mod.ts";
import { writeSafetensors } from "../../buffer.ts";
import { float32, type Tensor } from "core/tensor/mod.ts";
import { near, refuses } from "../../support.ts";
import { kept, unjudged, withTiny } from "../../core/study/tiny.ts";

/** The vector of a change, [D]. */
const vectorOf = (change: Change) => tensorsOf(change).get("mean")!.data as Float32Array;

Deno.test("a mean is the sum of the full model's updates over all tokens, divided by their number", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const repaired = await repair(model, { attention: [2], mlp: [0, 2] }, { ...options, ...unjudged });
    assert.deepEqual(repaired.attention, []);
    const places = repaired.changes!.map(({ layer, module, to }) => `${layer} ${module} ${to}`);
    assert.deepEqual(places, ["0 mlp mean", "2 attention mean", "2 mlp mean"]);
    const sums = new Map<string, number[]>();
    await observe(model, ({ layer, a, m }) => {
      for (const [name, { data, shape: [, hidden] }] of Object.entries({ attention: a, mlp: m })) {
        const sum = sums.get(`${name} ${layer}`) ?? Array<number>(hidden).fill(0);
        data.forEach((value, i) => sum[i % hidden] += value);
        sums.set(`${name} ${layer}`, sum);
      }
    }, { ...options, ...unjudged, values: ["a", "m"] });
    for (const change of repaired.changes!) {
      const sum = sums.get(`${change.module} ${change.layer}`)!;
      // The update is what the stream gains, which has the stream's last digit: 6e-8 of numbers up to 10.
      vectorOf(change).forEach((value, i) => near(value, sum[i] / 256, 1e-6));
    }
  }));

Deno.test("a repair costs a pass of the full model and one of three plans over the samples held out; in sequence it is not divided", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const plan = { mlp: [1] };
    const { modules, tokens, plans } = await estimate("repair", model, plan, options);
    const all = 2 * model.spec.layers.length;
    assert.deepEqual([modules, tokens, plans], [all + all + 2, 4 * 16, 1]); // the drop leaves the full model in layer 1
    const work = await repairStudy.work(model, { ...options, plan, sequential: true });
    await assert.rejects(divisionOf(work, options), /Cannot divide repair of .*: run it on one machine/);
  }));

Deno.test("studies take repaired plans and other projections, and keep their results apart from the drop's", () =>
  withTiny(async ({ model, options }) => {
    const dropped = { attention: [1], mlp: [2] };
    const { results: _, ...text } = options;
    const repaired = await repair(model, dropped, { ...text, ...unjudged });
    const heads = { attention: [], mlp: [], changes: [await silenced(model, 0, [0, 1, 2])] };
    const plans = [noDrop, dropped, repaired, heads];
    const first = await perplexities(model, plans, options);
    assert.equal(new Set(first.map(({ nll }) => nll)).size, 4);
    const { attention, mlp } = await profile(model, { ...options, drop: repaired });
    assert.ok(attention.importance[1]! > 0 && mlp.importance[2]! > 0); // a mean is an update like any other
    const seen: number[] = [];
    const own = { ...text, values: ["q"], samples: 1, drop: repaired } as const;
    await observe(model, ({ layer, q }) => seen.push(layer, q.shape[1]), own);
    assert.deepEqual(seen, [0, 4, 2, 4]); // nothing goes on inside a mean
  }));

interface Written {
  readonly folder: string;
  readonly path: string;
  readonly plan: Plan;
  readonly file: string;
}

/** A repaired plan of a tiny model, written to a folder. */
const withRepaired = (use: (opened: Written) => Promise<void>) =>
  withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
    const dropped = makePlan(await profile(model, options), { target: "attention", drop: 2 });
    const plan = await repair(model, dropped, { ...options, ...unjudged });
    const path = `${folder}/repaired.json`;
    await writePlan(path, plan);
    await use({ folder, path, plan, file: `${folder}/repaired.safetensors` });
  });

Deno.test("a repaired plan is two files, and is read as it was written", () =>
  withRepaired(async ({ path, plan, file, folder }) => {
    const found = await readPlan(path);
    assert.deepEqual(found, plan);
    assert.deepEqual(found.repaired!.provenance.drop, { attention: [], mlp: [] });
    assert.deepEqual([found.order.length, everyChange(found).length], [2, 2]);
    assert.equal(planHash(found), planHash(plan));
    await writePlan(`${folder}/again.json`, found);
    assert.equal(await Deno.readTextFile(`${folder}/again.json`), resultText(plan));
    assert.deepEqual(await Deno.readFile(`${folder}/again.safetensors`), await Deno.readFile(file));
  }));

Deno.test("a plan that only drops is one file, with the fields and the hash that it always had", () =>
  withTiny(async ({ model, folder, options }) => {
    const plan = makePlan(await profile(model, options), { target: "mlp", drop: 2 });
    await writePlan(`${folder}/plan.json`, plan);
    assert.deepEqual(kept(folder).filter((name) => /^plan\./.test(name)), ["plan.json"]);
    const json = JSON.parse(await Deno.readTextFile(`${folder}/plan.json`));
    assert.ok(!("changes" in json) && !("repaired" in json));
    assert.deepEqual(await readPlan(`${folder}/plan.json`), plan);
  }));

Deno.test("what is wrong with a file of tensors is named with file and tensor", () =>
  withRepaired(async ({ path, plan, file }) => {
    const [first, second] = plan.changes!;
    const [name, other] = [first, second].map(({ layer }) => `layers.${layer}.attention.mean`);
    const [good, bytes] = [vectorOf(first), await Deno.readFile(file)];
    const write = (vector: Float32Array, shape = [vector.length], stored = name) => () =>
      writeSafetensors(
        file,
        new Map([[stored, float32(shape, vector)], [other, float32([32], vectorOf(second))]]),
      );
    const half: Tensor = { dtype: "bf16", shape: [32], data: new Uint16Array(32) };
    const wrongs: [spoil: () => Promise<void>, message: RegExp][] = [
      [write(good.map((value) => value + 1)), /has SHA-256 [0-9a-f]{16}…, expected [0-9a-f]{16}…/],
      [write(good.with(3, Infinity)), /holds Infinity, expected finite numbers/],
      [write(good, [2, 16]), /has shape \[2,16\], expected 1 axis/],
      [write(good.subarray(0, 8), [8]), /has SHA-256/],
      [write(good, [32], "layers.99.attention.mean"), /is missing, expected one of 2 tensors/],
      [() => writeSafetensors(file, new Map([[name, half]])), /is BF16, expected F32/],
      ...[0, 4, 20, bytes.length - 40].map((length): [() => Promise<void>, RegExp] => [
        () => Deno.writeFile(file, bytes.subarray(0, length)),
        /Cannot read/,
      ]),
      [() => Deno.remove(file), /no such file/],
    ];
    for (const [spoil, message] of wrongs) {
      await spoil();
      await assert.rejects(readPlan(path), (error: Error) => {
        assert.match(error.message, message);
        return error.message.includes(name) && error.message.includes(file);
      });
    }
    await Deno.writeFile(file, bytes);
    assert.deepEqual(await readPlan(path), plan);
  }));

Deno.test("a plan and its tensors are written together or not at all, and the folder is made; what is there and no plan's stays", () =>
  withRepaired(async ({ folder, plan }) => {
    await writePlan(`${folder}/new/deep/a.json`, plan);
    assert.deepEqual(await readPlan(`${folder}/new/deep/a.json`), plan);
    for (const name of ["b.json", "c.safetensors"]) await Deno.mkdir(`${folder}/${name}`);
    const weights = await Deno.readFile(`${folder}/model.safetensors`);
    const others = {
      d: new Uint8Array(),
      "e.safetensors": new Uint8Array(),
      "f.safetensors": weights.subarray(0, 1000),
    };
    for (const [name, bytes] of Object.entries(others)) await Deno.writeFile(`${folder}/${name}`, bytes);
    const unread = "the file there cannot be read"; // whose it is
    await refuses("Error: Cannot write ", (name: string) => writePlan(`${folder}/${name}.json`, plan), [
      ["b", /b\.json: found a folder/],
      ["c", /c\.safetensors: found a folder/],
      ["d/e", /e\.safetensors: /],
      ["model", /model\.safetensors: the file there holds tensor .*, expected the tensors of a plan/],
      ["e", `e.safetensors: ${unread}`],
      ["f", `f.safetensors: ${unread}`],
    ]);
    for (const [name, bytes] of Object.entries({ ...others, "model.safetensors": weights })) {
      assert.deepEqual(await Deno.readFile(`${folder}/${name}`), Uint8Array.from(bytes), name);
    }
    const left = kept(folder);
    for (const name of ["b.safetensors", "c.json"]) assert.ok(!left.includes(name), name);
    assert.ok(left.every((name) => !name.endsWith(".part")), left.join());
  }));

Deno.test("a plan of another model, or whose lists were edited wrongly, is refused by name, in studies and when it is written", () =>
  withRepaired(({ plan, folder }) =>
    withTiny(async ({ model }) => {
      const from = { ...plan.provenance!, model: { ...plan.provenance!.model, fingerprint: "files:0" } };
      const other = { ...plan, layers: model.spec.layers.length, provenance: from };
      await assert.rejects(perplexities(model, [other]), /expected a plan made from this model$/); // no advice to drop nothing
      const [change] = plan.changes!;
      const edits: [edit: object, message: RegExp][] = [
        [{ attention: 5 }, /attention is 5, expected a list of layers/],
        [{ mlp: undefined }, /mlp is null, expected a list of layers/],
        [{ changes: 5 }, /changes is 5, expected a list of changes/],
        [{ changes: [null] }, /changes\[0\] is null, expected a change/],
        [{ changes: [{ ...change, to: "zzz" }] }, /changes\[0\]\.to is "zzz", expected one of/],
      ];
      for (const [edit, message] of edits) {
        const edited = { ...plan, ...edit } as unknown as Plan;
        await assert.rejects(writePlan(`${folder}/edited.json`, edited), message);
        await assert.rejects(perplexities(model, [edited]), message);
        await assert.rejects(repair(model, edited), message);
      }
    })
  ));
