/**
 * Folders of quantised matrices against the libraries that made them (make_quantised.py): every matrix widened, to the last bit, and its
 * blocks, which are the same numbers.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { closed } from "core/entry/mod.ts";
import { packingOf } from "core/models/mod.ts";
import { openModel } from "core/hub/mod.ts";
import { formatOf, widened } from "core/tensor/mod.ts";
import { openSafetensors, type PagedFile, withPacked } from "core/weights/mod.ts";
import { parse } from "../../fixtures/read.ts";
import { distance } from "../../model.ts";
import { UNIT } from "../../support.ts";

const FOLDER = new URL("../../fixtures/quantised/", import.meta.url);
const hashes: Record<string, Record<string, string>> = JSON.parse(
  await Deno.readTextFile(new URL("expected.json", FOLDER)),
);

/** By folder: its format in tables, and bits and sizes of its blocks; null where its matrices are only widened. */
const folders: Readonly<Record<string, [format: string, blocks: string | null]>> = {
  "gptq-4": ["GPTQ 4 bit", "4:32"],
  "gptq-8": ["GPTQ 8 bit", "8:32 8:64"],
  "gptq-order": ["GPTQ 4 bit", null],
  "awq-32": ["AWQ", "4:32"],
  "awq-64": ["AWQ", "4:64"],
  nf4: ["NF4", null],
  fp4: ["FP4", null],
  int8: ["INT8", "8:32 8:64"],
  fp8: ["FP8", null],
};

async function open(name: string): Promise<PagedFile & Disposable> {
  const files = await openModel(fileURLToPath(new URL(name, FOLDER)));
  const config = JSON.parse(await Deno.readTextFile(new URL(`${name}/config.json`, FOLDER)));
  return closed(await withPacked(await openSafetensors(files), packingOf(config, "config.json"), name));
}

const sha256 = (data: Float32Array) =>
  createHash("sha256").update(new Uint8Array(new Float32Array(data).buffer)).digest("hex");

for (const [name, [format, sizes]] of Object.entries(folders)) {
  Deno.test(`${name}: matrices are those of its library, in blocks too`, async () => {
    using file = await open(name);
    assert.equal(file.format, `safetensors ${format}`);
    const found = new Set<string>();
    assert.ok(Object.keys(hashes[name]).length >= 6);
    for (const [matrix, hash] of Object.entries(hashes[name])) {
      const { type, dtype, shape, blocks } = file.tensors.get(matrix)!;
      assert.equal(`${type} ${dtype}`, `${format} f32`);
      const whole = await file.read(matrix);
      assert.deepEqual(whole.shape, shape);
      if (name !== "int8") assert.equal(sha256(whole.data as Float32Array), hash, matrix);
      const rows = await file.read(matrix, [3, 21]);
      assert.deepEqual(rows.data, whole.data.subarray(3 * shape[1], 21 * shape[1]));
      if (blocks) {
        const stored = await file.blocks!(matrix);
        assert.deepEqual(formatOf(stored), blocks);
        assert.deepEqual(widened(stored), whole);
        assert.ok(stored.quants.byteLength < whole.data.byteLength / 2);
        assert.deepEqual(widened(await file.blocks!(matrix, [3, 21])), rows);
        found.add(`${blocks.bits}:${blocks.size}`);
      } else await assert.rejects(file.blocks!(matrix));
    }
    assert.equal([...found].sort().join(" ") || null, sizes);
  });

  Deno.test(`${name}: the tensors are the model's, each under its plain name`, async () => {
    using file = await open(name);
    const names = [...file.tensors.keys()];
    assert.deepEqual(names.filter((one) => !one.endsWith(".weight")), []);
    assert.equal((names.length - 2) % 9, 0); // seven matrices and two norms a layer
    const stored = await file.read("model.norm.weight");
    assert.ok(["f16", "bf16"].includes(stored.dtype));
    file.prefetch(names);
    file.forget(names);
  });
}

Deno.test("int8: a number is that of the library but for the order of two roundings", async () => {
  using file = await open("int8");
  const { data } = await file.read("model.layers.0.self_attn.k_proj.weight");
  const theirs = parse(await Deno.readFile(new URL("expected.safetensors", FOLDER))).get("int8.matrix")!.data;
  // (q · SCB) · (1 / 127) is rounded twice, and so is 1 / 127; q · (SCB / 127) is rounded twice: five roundings between the two.
  (data as Float32Array).forEach((value, i) => {
    assert.ok(Math.abs(value - theirs[i]) <= 5 * UNIT * Math.abs(theirs[i]), `${i}: ${value}, ${theirs[i]}`);
  });
  assert.ok(distance(data as Float32Array, theirs) > 0);
  assert.equal(file.tensors.get("model.layers.0.self_attn.o_proj.weight")!.type, "F16"); // left out of the method
});

Deno.test("GPTQ: zeros of symmetric groups are one number, others are their own", async () => {
  for (const [name, kind] of [["gptq-4", "number"], ["gptq-8", "object"], ["awq-32", "object"]]) {
    using file = await open(name);
    const { zeros } = await file.blocks!("model.layers.0.mlp.up_proj.weight");
    assert.equal(typeof zeros, kind);
  }
});
