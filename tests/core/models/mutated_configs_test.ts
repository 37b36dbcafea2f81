/**
 * Every family with one field of its configuration changed, beside transformers on the same weights (tests/fixtures/mutations.py): the
 * same loss, or a refusal that names the field; never another number in silence.
 */
import assert from "node:assert/strict";
import type { Model, ModelSpec } from "core/models/mod.ts";
import { type Blocks, noDrop, score, segmentsOf } from "core/run/mod.ts";
import { fixture, fixtureNames, readJson } from "../../fixtures/read.ts";
import { specOf } from "../../quantised.ts";
import { largest } from "../../model.ts";
import { blocksOf, engine, everyNth, openFolder, thorough } from "../../support.ts";
import { tolerance } from "./parity.ts";

/** Fields by their paths, dots between the parts, and what they are instead. */
type Patch = Readonly<Record<string, unknown>>;
/** A loss in nats per token, and the largest logit. */
type Numbers = readonly [loss: number, logit: number];
/** What transformers does: it ignores the field, fails, or computes other numbers. */
type Outcome = "same" | "fails" | Numbers;
type Row = readonly [Patch, Outcome];

type Table = { readonly loss: number; readonly rows: readonly Row[]; readonly older: readonly Row[] };

const tables: Readonly<Record<string, Table>> = await readJson("tests/fixtures/mutated_configs.json");

/** Rows that Lamina runs although transformers fails, and why. */
const ALONE: readonly RegExp[] = [
  // null stands for the default, which transformers takes in some classes only.
  /"(attention_bias|head_dim|hidden_activation|logit_scale|\S*rope_theta|\S*partial_rotary_factor)":null\}/,
  /^phi3.*"(rope_)?type":"(linear|dynamic|llama3)"/, // transformers lists longrope alone, and computes the others alike
  /^mixtral.*"(rope_)?type":"(dynamic|yarn|longrope)"/, // transformers' class has no size of a head, which these ask for
  /^deepseek.*"num_key_value_heads"/, // latent attention has keys for every head, whatever the number says
  /^deepseek.*"head_dim"/, // qk_rope_head_dim is the size that is rotated
  /"rope_parameters\S*\.factor":"ABSENT"/, // yarn's factor is then the ratio of the two lengths, as in earlier versions
  /^gpt2.*"max_position_embeddings"/, // n_positions is the length of the table that the file has
];
const unused = new Set(ALONE);

/** Whether there is a reason why Lamina runs alone. */
function isExplained(name: string, changes: Patch): boolean {
  const row = ALONE.find((row) => row.test(`${name} ${JSON.stringify(changes)}`));
  return row !== undefined && (unused.delete(row), true);
}

function patch(config: Record<string, unknown>, changes: Patch): void {
  for (const [path, value] of Object.entries(changes)) {
    const parts = path.split(".");
    const field = parts.pop()!;
    const place = parts.reduce((outer, part) => outer[part] as Record<string, unknown>, config);
    if (value === "ABSENT") delete place[field];
    else place[field] = value;
  }
}

/** Whether the message names a changed field, or one around or inside it. */
function isNamed(changes: Patch, message: string): boolean {
  const names = Object.entries(changes).flatMap(([path, value]) => [
    ...path.split("."),
    ...typeof value === "object" && value !== null && !Array.isArray(value) ? Object.keys(value) : [],
  ]);
  return names.some((name) =>
    new RegExp(`\\b${name}\\b`).test(message) ||
    /_bias$/.test(name) && /unknown tensors \(\S+\.bias,/.test(message)
  );
}

/** What Lamina does: nats per token, or the error. */
type Found = { readonly loss: number; readonly spec: ModelSpec } | { readonly error: Error };

/** Runs a fixture with a changed configuration. Models of one specification have the same loss, which `known` keeps. */
async function run(
  folder: string,
  file: string,
  changes: Patch,
  blocks: Blocks,
  known: Map<string, number>,
): Promise<Found> {
  let model: (Model & { close(): void }) | undefined;
  try {
    model = await openFolder(folder, file, (config) => patch(config, changes));
    const { spec } = model;
    const key = JSON.stringify(spec);
    const loss = known.get(key) ?? await lossOf(model, blocks);
    known.set(key, loss);
    return { loss, spec };
  } catch (error) {
    assert.ok(error instanceof TypeError || error instanceof RangeError, error as Error);
    return { error };
  } finally {
    model?.close();
  }
}

async function lossOf(model: Model, blocks: Blocks): Promise<number> {
  const [samples] = await score({ model, engine, segments: segmentsOf(blocks), plans: [noDrop] });
  return samples.reduce((sum, { nll }) => sum + nll, 0) / predicted(blocks);
}

const predicted = ({ samples, length }: Blocks) => samples * (length - 1);

/** What is wrong with what Lamina does; null where nothing is. `expected` is null where transformers fails. */
function faultOf(changes: Patch, found: Found, expected: Numbers | null, blocks: Blocks): string | null {
  if ("error" in found) {
    const { message } = found.error;
    return expected === null || isNamed(changes, message) ? null : `is refused without its name: ${message}`;
  }
  if (expected === null) return "runs, and transformers fails";
  const [loss, logit] = expected;
  // −ln p moves by at most twice what the logits do, and those by the relative error of the normed state (parity.ts).
  const most = 2 * tolerance(engine, found.spec) * logit / Math.sqrt(predicted(blocks));
  return Math.abs(found.loss - loss) <= most ? null : `gives ${found.loss}, expected ${loss} ± ${most}`;
}

/** Fixtures of which `deno task test` runs every other row: dense with windows and caps, and a mixture with latent attention. */
const FEW = ["gemma2", "deepseek-v3"];

for (const [name, { loss, ...lists }] of Object.entries(tables)) {
  const test = FEW.includes(name) ? Deno.test : thorough;
  for (const [file, list] of [["config.json", "rows"], ["config.older.json", "older"]] as const) {
    test(`${name}, ${file}: a changed field gives transformers' loss, or is refused by name`, async () => {
      const own = await fixture(name);
      const same = [loss, largest(own.tensors.get("logits")!.data)] as const;
      const blocks = blocksOf(own);
      const known = new Map<string, number>();
      const wrong: string[] = [];
      for (const [changes, outcome] of everyNth(lists[list], 2)) {
        const expected = outcome === "same" ? same : outcome === "fails" ? null : outcome;
        const found = await run(own.folder, file, changes, blocks, known);
        const fault = faultOf(changes, found, expected, blocks);
        if (fault === null || expected === null && isExplained(name, changes)) continue;
        wrong.push(`${JSON.stringify(changes)} ${fault}`);
      }
      assert.deepEqual(wrong, []);
    });
  }
}

thorough("each reason why Lamina runs a row alone is needed", () => {
  assert.deepEqual([...unused], []);
});

Deno.test("the table has every family, and many rows of each outcome", () => {
  const families = (names: readonly string[]) =>
    [...new Set(names.map((name) => specOf(name).family))].sort();
  assert.deepEqual(families(Object.keys(tables)), families(fixtureNames));
  const outcomes = Object.values(tables).flatMap(({ rows }) => rows.map(([, outcome]) => outcome));
  for (const kind of ["same", "fails", "object"]) {
    const count = outcomes.filter((outcome) => outcome === kind || typeof outcome === kind).length;
    assert.ok(count > 500, `${kind}: ${count}`);
  }
});
