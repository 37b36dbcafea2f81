/** llama.cpp itself, where it is installed: files by turns, and their predictions beside Lamina's own. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "features/export/mod.ts";
import { expectLlama, runApart } from "core/libraries/mod.ts";
import { differenceOf, speed } from "features/speed/mod.ts";
import { lacksGgml } from "../../ggml.ts";
import { withFolder } from "../../support.ts";
import { unless } from "../../tools.ts";

const pathOf = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));
const [trained, measure] = ["data/series/pre-ln/step04096", "docs/guide.md"].map(pathOf);
const live = unless(lacksGgml);
const quick = { context: [8, 12], new: 2, repeat: 2, in: "llama.cpp" } as const;

Deno.test("differences are those of log-probabilities", () => {
  const [own, other] = [[0, Math.log(3)], [7, 7]].map((row) => Float32Array.from(row));
  const { largest, kl, isSame } = differenceOf(own, other); // 1/4 and 3/4 beside 1/2 and 1/2
  const expected = [Math.LN2, 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5)];
  [largest, kl].forEach((value, i) => assert.ok(Math.abs(value - expected[i]) < 1e-6));
  assert.equal(isSame, false);
});

Deno.test("where llama.cpp is not installed, one sentence says what installs it", () => {
  const message = /^Error: Cannot run llama\.cpp: not installed, expected .* lamina ggml installs$/;
  assert.throws(() => expectLlama("nowhere"), message);
});

live(
  "a file is predicted alike in llama.cpp, and takes turns with its original",
  () =>
    withFolder(async (folder) => {
      const out = `${folder}/smaller`;
      const plan = { mlp: [3], changes: [{ layer: 1, module: "mlp", to: "types", in: "Q8_0" }] } as const;
      let said = "";
      const onNotice = (notice: string) => void (said += notice);
      const options = { format: "gguf-deci", out, check: true, measure, onNotice } as const;
      const { files } = await exportModel(trained, plan, options);
      const card = await Deno.readTextFile(`${out}/README.md`);
      const [note] = card.match(/in llama\.cpp, 256 tokens of file: KL 0\.00\d+ \(rounding .* 0\.02\).*$/m)!;
      assert.ok(said.endsWith(note), said);
      assert.equal(files.at(-1)!.bytes, new TextEncoder().encode(card).length);

      const { computed, plans, points } = await speed(trained, [plan], quick);
      assert.equal(computed.engine, "llama.cpp");
      const [own, ...smaller] = plans.map(({ weightBytes }) => weightBytes - files[0].bytes);
      assert.ok(own > 0 && smaller.every((more) => more === 0));
      const [{ parts, plans: [full, dropped] }, ...others] = points;
      assert.equal(full.speedup.whole, 1);
      assert.equal(full.keyBytes, 8 * 2 * 8 * 32 * 2); // layers, keys and values, tokens, width, float16
      assert.deepEqual([parts, dropped.predicted, others.length], [undefined, undefined, 1]);
    }),
);

live(
  "llama.cpp's complaint is the error, other formats are refused, a stop ends it",
  () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/cut.gguf`, "GGUF");
      const job = [{ files: [`${folder}/cut.gguf`], ids: [1], out: `${folder}/logits` }, 1, Deno.pid];
      const script = new URL("../../../src/features/speed/llama_process.ts", import.meta.url);
      await assert.rejects(
        runApart(script, [JSON.stringify(job)]),
        /code 1: llama_model_load: error loading/,
      );
      const other = { format: "hf", out: `${folder}/hf`, check: true } as const;
      await assert.rejects(exportModel(trained, { mlp: [3] }, other), /Cannot check hf files in llama\.cpp/);
      const signal = AbortSignal.timeout(1000);
      await assert.rejects(speed(trained, [], { ...quick, repeat: 100_000, signal }), /TimeoutError/);
    }),
);
