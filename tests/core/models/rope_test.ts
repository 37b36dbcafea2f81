/**
 * Frequencies of rotations against transformers' own (make_rotations.py): a step of float32 off turns position 100,000 by 0.01. Where
 * float32's power is not the rounded one, it is the next number; nothing else differs by more than that and one rounding.
 */
import assert from "node:assert/strict";
import { readSpec, rotation, scoring } from "core/models/mod.ts";
import { readJson } from "../../fixtures/read.ts";

interface Row {
  readonly config: { readonly rope_parameters: { readonly rope_type: string; readonly rope_theta: number } };
  readonly length: number;
  readonly frequencies: readonly number[];
  readonly factor: number;
}

const rows: Row[] = await readJson("tests/fixtures/rotations.json");

for (const { config, length, frequencies, factor } of rows) {
  const { rope_type, rope_theta } = config.rope_parameters;
  Deno.test(`rotation ${rope_type}, base ${rope_theta}, ${length} tokens: transformers' frequencies`, () => {
    const { rope } = scoring(readSpec(config, "config.json").layers[0].attention)!;
    const own = rotation(rope!, length);
    assert.equal(own.frequencies.length, frequencies.length);
    const errors = frequencies.map((value, i) => Math.abs(own.frequencies[i] - value) / (value * 2 ** -23));
    assert.ok(Math.max(...errors) <= 1.5, `off by ${Math.max(...errors)} units in the last place`);
    assert.equal(own.factor, factor);
  });
}
