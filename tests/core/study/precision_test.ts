/** int8 is a precision of its own: refused where nothing would be in it, and never mixed with float32. */
import assert from "node:assert/strict";
import { evaluate } from "features/evaluate/mod.ts";
import { generate } from "features/generate/mod.ts";
import { observe } from "features/observe/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import type { PlanLike } from "core/study/plan.ts";
import { profile } from "features/profile/mod.ts";
import { speed } from "features/speed/mod.ts";
import { heard, near } from "../../support.ts";
import { withBlocks } from "./in_blocks.ts";
import { kept } from "./tiny.ts";

Deno.test("in int8 the numbers are others, near those of float32; each precision finds its own kept results", () =>
  withBlocks(async ({ model, options }) => {
    const plans = [{}, { attention: [1] }];
    const { notices, onNotice } = heard();
    const measure = async (precision: "float32" | "int8") => ({
      profile: await profile(model, { ...options, precision, onNotice }),
      perplexities: await perplexities(model, plans, { ...options, precision, onNotice }),
    });
    const [exact, bytes] = [await measure("float32"), await measure("int8")];
    const said = notices.splice(0).map((line) => line.replace(/^.*: /, ""));
    const slow = "int8 takes longer than float32 where texts are read; it pays where they are written";
    assert.deepEqual(said, [slow, slow], "nothing is reused");
    assert.equal(exact.profile.provenance.dtype, "float32");
    assert.equal(bytes.profile.provenance.dtype, "int8");
    const before = kept(options.results);
    for (const [precision, expected] of [["int8", bytes], ["float32", exact]] as const) {
      assert.deepEqual(await measure(precision), expected);
    }
    assert.ok(notices.length > 0 && notices.every((line) => line.includes("reused")), notices.join("\n"));
    assert.deepEqual(kept(options.results), before);
    // Half a step of 127 is 2⁻⁸ of a block's largest number: about 0.7 % of a row's length, and √6 as much after six products.
    for (const kind of ["attention", "mlp"] as const) {
      const [a, b] = [exact, bytes].map((made) => made.profile[kind].importance as number[]);
      assert.notDeepEqual(a, b);
      a.forEach((value, l) => near(value, b[l], 0.02, `${kind} ${l}`));
    }
    exact.perplexities.forEach(({ nll }, i) => {
      assert.notEqual(nll, bytes.perplexities[i].nll);
      near(nll, bytes.perplexities[i].nll, 0.02);
    });
  }));

Deno.test("an evaluation in int8 finds no part that was kept in float32, and its own when it is resumed", () =>
  withBlocks(async ({ model, options: { engine, results } }) => {
    const asked = { tasks: ["openbookqa"], limit: 2, prompts: 1, engine, results };
    const run = (precision: "float32" | "int8", plans: PlanLike[]) =>
      evaluate(model, plans, { ...asked, precision });
    const [full] = await run("float32", [{}]);
    const files = kept(results);
    const [first] = await run("int8", [{}]);
    const both = kept(results);
    assert.equal(both.length, 2 * files.length);
    assert.notDeepEqual(first.tasks, full.tasks);
    const [again, dropped] = await run("int8", [{}, { attention: [1] }]);
    assert.deepEqual(again, first);
    const dtypes = [full, again, dropped].map(({ provenance }) => provenance.dtype);
    assert.deepEqual(dtypes, ["float32", "int8", "int8"]);
    assert.equal(kept(results).length, 3 * files.length, "the plan's own parts alone are new");
  }));

Deno.test("writing and speed run in int8 too", () =>
  withBlocks(async ({ model, options: { engine } }) => {
    const [{ ids }] = await generate(model, [{}], "the", { tokens: 3, engine, precision: "int8" });
    assert.ok(ids.length > 0);
    const measured = await speed(model, [], { engine, precision: "int8", context: [8], new: 2, repeat: 1 });
    assert.equal(measured.computed.dtype, "int8");
  }));

Deno.test("the refusal of int8 for act-order GPTQ does not name what the model is", async () => {
  const asked = { ids: [[1, 2, 3]], values: ["a"], precision: "int8" } as const;
  const refused = /its weights are safetensors GPTQ 4 bit, .* and GPTQ without act-order \(desc_act\)$/;
  await assert.rejects(observe("tests/fixtures/quantised/gptq-order", () => {}, asked), refused);
});
