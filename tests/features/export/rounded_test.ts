/** Repairs in the types of files: `repair` states the bytes that `export` writes, and what is written is the repair that was measured. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exportModel } from "features/export/mod.ts";
import { filesText } from "core/entry/mod.ts";
import { type Format, openStored, sizerOf } from "core/formats/mod.ts";
import { fileSource } from "core/hub/mod.ts";
import { perplexities, type Perplexity } from "features/losses/mod.ts";
import { noDrop } from "core/run/mod.ts";
import { tableText } from "core/show/looks.ts";
import { dropsIn } from "core/study/plan.ts";
import { makePlan } from "features/orders/mod.ts";
import { profile } from "features/profile/mod.ts";
import { repair, type RepairOptions, roundedBy, type Rounding } from "features/repair/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { contentOf, encoded, ggufContent, openGguf } from "core/weights/mod.ts";
import { unjudged } from "../../core/study/tiny.ts";
import { withFolder } from "../../support.ts";

const trained = fileURLToPath(new URL("../../../data/series/pre-ln/step04096", import.meta.url));
const sizes = { length: 64, engine: "cpu" } as const;

/** The licence as ids of the trained model, for files without a tokenizer. */
async function textIn(folder: string): Promise<string> {
  using model = await openModel(trained);
  const licence = await Deno.readTextFile(new URL("../../../LICENSE", import.meta.url));
  const text = `${folder}/ids.json`;
  await Deno.writeTextFile(text, JSON.stringify((await model.tokenizer()).encode(licence.slice(0, 10_000))));
  return text;
}

/** Seven layers of the trained model as a GGUF file whose matrices are in blocks of a type. */
async function inBlocks(folder: string, type: string): Promise<string> {
  const first = { attention: [7], mlp: [7] };
  const whole = await exportModel(trained, first, { format: "gguf", out: `${folder}/whole` });
  const file = await openGguf(await fileSource(`${whole.folder}/model.gguf`));
  const metadata = [...file.metadata.keys()].map(async (key) => [key, await file.storedValue(key)] as const);
  const tensors = [...file.tensors].map(async ([name, info]) => {
    if (info.shape.length < 2) return { name, ...info, ...file.stored(name) };
    return { name, shape: info.shape, type, ...contentOf(encoded(type, await file.read(name))) };
  });
  const content = ggufContent(await Promise.all(metadata), await Promise.all(tensors));
  await Deno.writeFile(`${folder}/${type}.gguf`, ReadableStream.from(content.parts()));
  file.close();
  return `${folder}/${type}.gguf`;
}

type Drop = Readonly<Record<"attention" | "mlp", number[]>>;

/** A repaired plan is exported: its bytes are those that were stated, its matrices of the types, its loss the plan's own. */
async function expectStored(
  { ref, text, out }: Readonly<Record<"ref" | "text" | "out", string>>,
  drop: Drop,
  by: RepairOptions["by"],
  format: Format,
  types: readonly string[],
  isJudged = false,
) {
  using model = await openModel(ref);
  const importance = await profile(model, { ...sizes, text, samples: 1 });
  const bare = { ...makePlan(importance, { target: "joint", drop: 2 }), ...drop };
  const plan = await repair(model, bare, { ...sizes, ...isJudged ? { samples: 8 } : unjudged, text, by });
  const { rounded, file } = plan.repaired!;
  assert.deepEqual(rounded!.types, types);
  const exported = await exportModel(model, plan, { format, out });
  const { whole, smaller } = exported.sizes;
  using sizer = await (await sizerOf(model, format))!.open();
  assert.equal((await sizer.filesOf(dropsIn(model, plan)))?.bytes, smaller);
  assert.ok(smaller < whole!, `${smaller} of ${whole}`);
  assert.equal(file!.format, "gguf-deci");
  if (file!.format === format) {
    assert.deepEqual(file, { ...pick(exported.sizes), format, bytes: smaller });
    assert.equal((await Deno.stat(`${out}/model.gguf`)).size, smaller);
    const said = tableText([plan]);
    assert.ok(said.includes(`files: ${filesText(exported.sizes, format)}`), said);
    assert.match(said, /rounding the repair to Q8_0 adds .* nats per token \(95 %, paired: /);
  }
  using written = await openModel(out);
  const stored = await openStored(written);
  stored.file.close();
  const outputs = [...stored.file.tensors].filter(([name, { shape }]) => OUTPUTS.test(name) && shape[1] > 1);
  const found = new Set(outputs.map(([, { type }]) => type));
  assert.ok(found.has(types[0]) && !found.has("F32"), [...found].join());
  const measured = { ...sizes, text, samples: 2, skip: 8 };
  const [planned] = await perplexities(model, [plan], measured);
  const [own] = await perplexities(written, [noDrop], measured);
  assert.ok(Math.abs(own.nll - planned.nll) < 1e-5, `${own.nll}, the plan ${planned.nll}`);
}

/** Those of MLPs of one unit hold a map's bias. */
const OUTPUTS = /attn_output|ffn_down|down_proj|o_proj/;
const pick = ({ original, whole }: { original: number; whole: number | null }) => ({ original, whole });

Deno.test("a repair of a file in blocks is stored in blocks, and the bytes are those that it states", () =>
  withFolder(async (folder) => {
    const text = await textIn(folder);
    const attention = { attention: [3, 4], mlp: [] };
    const block = { attention: [3], mlp: [3] };
    const ref = await inBlocks(folder, "Q8_0");
    const at = (out: string, of = ref) => ({ ref: of, text, out: `${folder}/${out}` });
    await expectStored(at("linear"), attention, "linear", "gguf-deci", ["Q8_0"], true);
    await expectStored(at("refit"), block, "refit", "gguf", ["F16"]);
    await expectStored(at("hf", trained), block, "refit", "hf", ["BF16"]);
  }));

Deno.test("the smallest type is chosen that adds at most a twentieth of what the repair saves", () => {
  const ways = ["Q4_1", "Q8_0", "F16"].map((type): Rounding => ({ of: (plan) => ({ plan, types: [type] }) }));
  const provenance = { text: {}, packing: {} };
  const loss = (nll: number) =>
    ({ sums: [1, 2].map((tokens) => ({ nll: nll * tokens, tokens })), provenance }) as unknown as Perplexity;
  const chosen = (...nats: number[]) => roundedBy(ways, noDrop, [5, 4, ...nats].map(loss)).types;
  assert.deepEqual(chosen(4.04, 4, 4), ["Q4_1"]);
  assert.deepEqual(chosen(4.06, 4.01, 4), ["Q8_0"]);
  assert.deepEqual(chosen(4.06, 4.06, 4.06), ["F16"]);
  assert.deepEqual(roundedBy(ways, noDrop, null).types, ["F16"], "nothing was measured");
  assert.deepEqual(roundedBy([], noDrop, null), { plan: noDrop, types: null });
});
