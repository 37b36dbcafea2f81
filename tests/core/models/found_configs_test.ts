/** Configurations as transformers of five versions writes them: each opens with the right facts, or is refused for the right reason. */
import assert from "node:assert/strict";
import { type ModelSpec, readSpec, routed, scoring } from "core/models/mod.ts";
import { readJson } from "../../fixtures/read.ts";

const FILE = "model: config.json";

interface Row {
  readonly name: string;
  readonly versions: readonly string[];
  readonly config: { readonly model_type: string };
  readonly opens?: Readonly<Record<string, unknown>>;
  readonly refused?: string;
  /** Length of training where the file does not say it. */
  readonly positions?: number;
}

const rows: Row[] = await readJson("tests/fixtures/found_configs.json");

/** The same facts of a specification as the table has of transformers' own object. */
function factsOf(spec: ModelSpec): Record<string, unknown> {
  const attentions = spec.layers.flatMap((layer) => scoring(layer.attention) ?? []);
  const windowed = attentions.filter(({ window }) => window !== null);
  const mixture = spec.layers.map(({ mlp }) => routed(mlp)).find((mixture) => mixture !== null);
  const full = attentions.find(({ window, rope }) => window === null && rope) ?? attentions[0];
  return {
    hidden: spec.hidden,
    layers: spec.layers.length,
    vocabulary: spec.vocabulary,
    heads: full.heads,
    kvHeads: full.kvHeads,
    headSize: full.headSize,
    tied: spec.head.tied,
    theta: full.rope?.theta,
    rope: full.rope?.scaling?.type ?? "default",
    windowed: windowed.length,
    window: windowed[0]?.window ?? null,
    experts: mixture?.experts,
    top: mixture?.top,
  };
}

function refusalOf(row: Row): string {
  try {
    readSpec(row.config, FILE);
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof RangeError, row.name);
    return error.message;
  }
  return "opens";
}

for (const row of rows) {
  Deno.test(`config of ${row.name} by ${row.versions.join(", ")}`, () => {
    const { opens, refused, config: { model_type } } = row;
    if (opens) {
      const found = factsOf(readSpec(row.config, FILE));
      assert.deepEqual(Object.fromEntries(Object.keys(opens).map((fact) => [fact, found[fact]])), opens);
    } else {
      assert.match(refusalOf(row), new RegExp(refused ?? `model_type is "${model_type}", expected one of`));
    }
  });
}

for (const { name, config, positions } of rows) {
  if (positions === undefined || config.model_type === "gpt2") continue;
  Deno.test(`config of ${name}, with a dynamic rotation: it begins behind the default length of training`, () => {
    const { layers } = readSpec({ ...config, rope_scaling: { rope_type: "dynamic", factor: 2 } }, FILE);
    const scalings = layers.map((layer) => scoring(layer.attention)?.rope?.scaling).filter((scaling) =>
      scaling
    );
    assert.deepEqual(scalings[0], { type: "dynamic", factor: 2, maxPositions: positions });
  });
}

/** Fields that change what a decoder computes, with values that nobody writes by default. */
const CHANGES = {
  pruned_heads: { 0: [1] },
  add_cross_attention: true,
  cross_attention_hidden_size: 64,
  attention_chunk_size: 8192,
  use_bidirectional_attention: true,
  altup_num_inputs: 4,
  hc_mult: 4,
  no_such_field: 1,
};

for (const { name, versions, config, opens } of rows.filter(({ name }) => name.endsWith("defaults, full"))) {
  if (!opens) continue;
  Deno.test(`${name} by ${versions.join(", ")} is still read strictly`, () => {
    for (const [field, value] of Object.entries(CHANGES)) {
      assert.throws(() => readSpec({ ...config, [field]: value }, FILE), {
        name: "TypeError",
        message: new RegExp(`^Cannot run ${FILE}: field ${field} is .*\`allowFields\` ${field}`),
      });
    }
  });
}

Deno.test("the table has at least 200 rows, of five versions, and as many kinds as it is meant to have", () => {
  const versions = new Set(rows.flatMap((row) => row.versions));
  assert.deepEqual([...versions].sort(), ["4.30.2", "4.36.2", "4.46.3", "4.57.3", "5.24.0"]);
  assert.ok(rows.length >= 200 && rows.filter((row) => row.refused).length >= 40, `${rows.length}`);
});
