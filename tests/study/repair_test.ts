/** Repairs: means beside those of a plain sum, studies under repaired plans, plan files old and new, and what can be wrong with them. */
import assert from "node:assert/strict";
import { silenced } from "../run/states.ts";
import {
  divisionOf,
  estimate,
  makePlan,
  observe,
  perplexities,
  profile,
  readPlan,
  repair,
  studies,
  writePlan,
} from "../../src/study/mod.ts";
import { type Change, type DropPlan, everyChange, noDrop, planHash } from "../../src/measure/mod.ts";
import { type Plan, resultText } from "../../src/result/mod.ts";
import { tensorsOf } from "../../src/run/mod.ts";
import { writeSafetensors } from "../buffer.ts";
import { float32 } from "../../src/tensor/mod.ts";
import { unjudged, withTiny } from "./tiny.ts";

/** The vector of a change, [D]. */
function vectorOf(change: Change): Float32Array {
  return tensorsOf(change).get("mean")!.data as Float32Array;
}

Deno.test("a mean is the sum of the full model's updates over all tokens, divided by their number", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const repaired = await repair(model, { attention: [2], mlp: [0, 2] }, { ...options, ...unjudged });
    assert.deepEqual(repaired.attention, []);
    assert.deepEqual(repaired.changes!.map(({ layer, module, to }) => [layer, module, to]), [
      [0, "mlp", "mean"],
      [2, "attention", "mean"],
      [2, "mlp", "mean"],
    ]);
    const sums = new Map<string, number[]>();
    await observe(model, ({ layer, a, m }) => {
      for (
        const [name, { data, shape: [, hidden] }] of [[`attention ${layer}`, a], [`mlp ${layer}`, m]] as const
      ) {
        const sum = sums.get(name) ?? Array<number>(hidden).fill(0);
        data.forEach((value, i) => sum[i % hidden] += value);
        sums.set(name, sum);
      }
    }, { ...options, ...unjudged, values: ["a", "m"] });
    for (const change of repaired.changes!) {
      const sum = sums.get(`${change.module} ${change.layer}`)!;
      // The update is what the stream gains, which has the stream's last digit: 6e-8 of numbers up to 10.
      vectorOf(change).forEach((value, i) => assert.ok(Math.abs(value - sum[i] / 256) < 1e-6));
    }
  }));

Deno.test("a repair costs a pass of the full model and one of three plans over the samples held out", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const plan = { mlp: [1] };
    const { modules, tokens, plans } = await estimate("repair", model, plan, options);
    const all = 2 * model.spec.layers.length;
    assert.deepEqual([modules, tokens, plans], [all + all + 2, 4 * 16, 1]); // the drop leaves the full model in layer 1
    const work = await studies.repair.work(model, { ...options, plan, sequential: true });
    await assert.rejects(divisionOf(work, options), /Cannot divide repair of .*: run it on one machine/);
  }));

Deno.test("studies take repaired plans and other projections, and keep their results apart from the drop's", () =>
  withTiny(async ({ model, options }) => {
    const dropped = { attention: [1], mlp: [2] };
    const { results: _, ...text } = options;
    const repaired = await repair(model, dropped, { ...text, ...unjudged });
    const heads: DropPlan = {
      attention: [],
      mlp: [],
      changes: [await silenced(model, 0, [0, 1, 2])],
    };
    const plans = [noDrop, dropped, repaired, heads];
    const first = await perplexities(model, plans, options);
    assert.equal(new Set(first.map(({ nll }) => nll)).size, 4);
    let said = "";
    const again = await perplexities(model, plans, { ...options, onNotice: (line) => said += line });
    assert.match(said, /4 results reused from an earlier run/);
    assert.deepEqual(again, first);

    const { attention, mlp } = await profile(model, { ...options, drop: repaired });
    assert.ok(attention.importance[1]! > 0 && mlp.importance[2]! > 0); // a mean is an update like any other
    const seen: number[] = [];
    await observe(model, ({ layer, q }) => seen.push(layer, q.shape[1]), {
      ...text,
      values: ["q"],
      samples: 1,
      drop: repaired,
    });
    assert.deepEqual(seen, [0, 4, 2, 4]); // nothing goes on inside a mean
  }));

/** A repaired plan of a tiny model, written to a folder. */
function withRepaired(
  use: (opened: { folder: string; path: string; plan: Plan; file: string }) => Promise<void>,
) {
  return withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
    const dropped = makePlan(await profile(model, options), { target: "attention", drop: 2 });
    const plan = await repair(model, dropped, { ...options, ...unjudged });
    const path = `${folder}/repaired.json`;
    await writePlan(path, plan);
    await use({ folder, path, plan, file: `${folder}/repaired.safetensors` });
  });
}

Deno.test("a repaired plan is two files, and is read as it was written", () =>
  withRepaired(async ({ path, plan, file, folder }) => {
    assert.ok((await Deno.stat(file)).isFile);
    const found = await readPlan(path);
    assert.deepEqual(found, plan);
    assert.deepEqual(found.repaired!.provenance.drop, { attention: [], mlp: [] });
    assert.equal(found.order.length, 2);
    assert.equal(planHash(found), planHash(plan));
    assert.equal(everyChange(found).length, 2);
    await writePlan(`${folder}/again.json`, found);
    assert.equal(await Deno.readTextFile(`${folder}/again.json`), resultText(plan));
    assert.deepEqual(await Deno.readFile(`${folder}/again.safetensors`), await Deno.readFile(file));
  }));

Deno.test("a plan that only drops is one file, with the fields and the hash that it always had", () =>
  withTiny(async ({ model, folder, options }) => {
    const plan = makePlan(await profile(model, options), { target: "mlp", drop: 2 });
    await writePlan(`${folder}/plan.json`, plan);
    assert.deepEqual(
      (await Array.fromAsync(Deno.readDir(folder))).filter(({ name }) => /^plan\./.test(name)).length,
      1,
    );
    const json = JSON.parse(await Deno.readTextFile(`${folder}/plan.json`));
    assert.ok(!("changes" in json) && !("repaired" in json));
    assert.deepEqual(await readPlan(`${folder}/plan.json`), plan);
  }));

Deno.test("what is wrong with a file of tensors is named with file and tensor", () =>
  withRepaired(async ({ path, plan, file }) => {
    const [first, second] = plan.changes!;
    const name = `layers.${first.layer}.attention.mean`;
    const other = `layers.${second.layer}.attention.mean`;
    const good = vectorOf(first);
    const bytes = await Deno.readFile(file);
    const write = (vector: Float32Array, shape = [vector.length], stored = name) =>
      writeSafetensors(
        file,
        new Map([[stored, float32(shape, vector)], [other, float32([32], vectorOf(second))]]),
      );
    const refused = async (message: RegExp) => {
      await assert.rejects(readPlan(path), (error: Error) => {
        assert.match(error.message, message);
        assert.ok(error.message.includes(name) && error.message.includes(file), error.message);
        return true;
      });
    };
    await write(good.map((value) => value + 1));
    await refused(/has SHA-256 [0-9a-f]{16}…, expected [0-9a-f]{16}…/);
    await write(good.with(3, Infinity));
    await refused(/holds Infinity, expected finite numbers/);
    await write(good, [2, 16]);
    await refused(/has shape \[2,16\], expected 1 axis/);
    await write(good.subarray(0, 8), [8]);
    await refused(/has SHA-256/);
    await write(good, [32], "layers.99.attention.mean");
    await refused(/is missing, expected one of 2 tensors/);
    await writeSafetensors(
      file,
      new Map([[name, { dtype: "bf16", shape: [32], data: new Uint16Array(32) }]]),
    );
    await refused(/is BF16, expected F32/);
    for (const length of [0, 4, 20, bytes.length - 40]) {
      await Deno.writeFile(file, bytes.subarray(0, length));
      await refused(/Cannot read/);
    }
    await Deno.remove(file);
    await refused(/no such file/);
    await Deno.writeFile(file, bytes);
    assert.deepEqual(await readPlan(path), plan);
  }));

Deno.test("a plan and its tensors are written together or not at all, and the folder is made", () =>
  withRepaired(async ({ folder, plan }) => {
    await writePlan(`${folder}/new/deep/a.json`, plan);
    assert.deepEqual(await readPlan(`${folder}/new/deep/a.json`), plan);

    await Deno.mkdir(`${folder}/b.json`);
    await assert.rejects(writePlan(`${folder}/b.json`, plan), /Cannot write .*b\.json: found a folder/);
    await Deno.mkdir(`${folder}/c.safetensors`);
    await assert.rejects(
      writePlan(`${folder}/c.json`, plan),
      /Cannot write .*c\.safetensors: found a folder/,
    );
    await Deno.writeTextFile(`${folder}/d`, "");
    await assert.rejects(writePlan(`${folder}/d/e.json`, plan), /Cannot write .*e\.safetensors: /);
    const left = (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name);
    for (const name of ["b.safetensors", "c.json"]) assert.ok(!left.includes(name), name);
    assert.ok(left.every((name) => !name.endsWith(".part")), left.join());
  }));

Deno.test("the weights of a model are not replaced by the tensors of a plan", () =>
  withRepaired(async ({ folder, plan }) => {
    const weights = await Deno.readFile(`${folder}/model.safetensors`);
    await assert.rejects(
      writePlan(`${folder}/model.json`, plan),
      /Cannot write .*model\.safetensors: the file there holds tensor .*, expected the tensors of a plan/,
    );
    assert.deepEqual(await Deno.readFile(`${folder}/model.safetensors`), weights);
    for (const bytes of [new Uint8Array(), weights.subarray(0, 1000)]) { // whose it is cannot be read
      await Deno.writeFile(`${folder}/mine.safetensors`, bytes);
      await assert.rejects(
        writePlan(`${folder}/mine.json`, plan),
        /mine\.safetensors: the file there cannot be read/,
      );
      assert.deepEqual(await Deno.readFile(`${folder}/mine.safetensors`), bytes);
    }
  }));

Deno.test("a repaired plan of another model is refused without advice to drop nothing", () =>
  withRepaired(async ({ plan }) =>
    await withTiny(async ({ model }) => {
      const other = {
        ...plan,
        layers: model.spec.layers.length,
        provenance: { ...plan.provenance!, model: { ...plan.provenance!.model, fingerprint: "files:0" } },
      };
      await assert.rejects(perplexities(model, [other]), /expected a plan made from this model$/);
    })
  ));

Deno.test("a plan whose lists were edited wrongly is refused by name, in studies and when it is written", () =>
  withRepaired(async ({ plan, folder }) =>
    await withTiny(async ({ model }) => {
      const [change] = plan.changes!;
      for (
        const [edit, message] of [
          [{ attention: 5 }, /attention is 5, expected a list of layers/],
          [{ mlp: undefined }, /mlp is null, expected a list of layers/],
          [{ changes: 5 }, /changes is 5, expected a list of changes/],
          [{ changes: [null] }, /changes\[0\] is null, expected a change/],
          [{ changes: [{ ...change, to: "zzz" }] }, /changes\[0\]\.to is "zzz", expected one of/],
        ] as const
      ) {
        const edited = { ...plan, ...edit } as unknown as Plan;
        await assert.rejects(writePlan(`${folder}/edited.json`, edited), message);
        await assert.rejects(perplexities(model, [edited]), message);
        await assert.rejects(repair(model, edited), message);
      }
    })
  ));
