/** LLM-Drop's lists in `config.json`: four forms, and errors that name file, list and entry. */
import assert from "node:assert/strict";
import { readDropList, readSpec } from "../../src/models/mod.ts";

const read = (list: unknown) => [...readDropList(list, 4, "drop_mlp_list", "model: config.json")].sort();

Deno.test("null, nothing, [], indices and booleans", () => {
  assert.deepEqual(read(null), []);
  assert.deepEqual(read(undefined), []);
  assert.deepEqual(read([]), []);
  assert.deepEqual(read([3, 0]), [0, 3]);
  assert.deepEqual(read([true, false, false, true]), [0, 3]);
  assert.deepEqual(read([false, false, false, false]), []);
});

for (
  const [list, message] of [
    ["1,2", 'is "1,2", expected null or a list'],
    [{ 0: true }, 'is {"0":true}, expected null or a list'],
    [[true, false, true], "has 3 booleans, expected 4"],
    [[1, 4], "has 4 at entry 1, expected 0 to 3"],
    [[-1], "has -1 at entry 0, expected 0 to 3"],
    [[0, 1.5], "has 1.5 at entry 1, expected a layer index"],
    [[0, "1"], 'has "1" at entry 1, expected a layer index'],
    [[1, true], "has true at entry 1, expected a layer index"],
    [[2, 3, 2], "has 2 again at entry 2, expected each layer once"],
  ] as const
) {
  Deno.test(`the list ${JSON.stringify(list)} is refused`, () => {
    assert.throws(() => read(list), {
      name: "RangeError",
      message: `Cannot read model: config.json: drop_mlp_list ${message}`,
    });
  });
}

Deno.test("a model with lists is without these modules, and without those alone", async () => {
  const url = new URL("../fixtures/models/llama/config.json", import.meta.url);
  const config = JSON.parse(await Deno.readTextFile(url));
  const lists = { drop_attn_list: [2], drop_mlp_list: [true, false, true] };
  const [full, thinner] = [readSpec(config, "full"), readSpec({ ...config, ...lists }, "thinner")];
  assert.deepEqual(thinner.layers.map((layer) => layer.attention !== null), [true, true, false]);
  assert.deepEqual(thinner.layers.map((layer) => layer.mlp !== null), [false, true, false]);
  assert.deepEqual(thinner.layers[1], full.layers[1]);
  assert.throws(
    () => readSpec({ ...config, drop_attn_list: [3] }, "m"),
    /m: drop_attn_list has 3 at entry 0/,
  );
});

Deno.test("a module cannot be dropped and be a linear map", async () => {
  const url = new URL("../fixtures/models/llama/config.json", import.meta.url);
  const config = JSON.parse(await Deno.readTextFile(url));
  for (const list of ["attn_list", "mlp_list"]) {
    assert.throws(
      () => readSpec({ ...config, [`drop_${list}`]: [0, 2], [`linear_${list}`]: [2] }, "config.json"),
      {
        name: "RangeError",
        message:
          `Cannot read config.json: layer 2 is in linear_${list} and in drop_${list}, expected one of them`,
      },
    );
  }
});
