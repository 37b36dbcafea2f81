/** The file of a fit: bytes are those that an export writes, and what stays in the file is not tried. */
import assert from "node:assert/strict";
import { formatBytes } from "core/entry/mod.ts";
import { exportModel } from "features/export/mod.ts";
import { type Format, FORMATS, sizerOf } from "core/formats/mod.ts";
import { fit } from "features/fit/mod.ts";
import { profile } from "features/profile/mod.ts";
import { openModel } from "core/subject/mod.ts";
import { fixture } from "../../fixtures/read.ts";
import { withFolder } from "../../support.ts";

const trained = "data/series/pre-ln/step04096";
const size = { length: 32, engine: "cpu" } as const;

/** What a card says of weights that are run, and of keys and values: before and after. */
async function saidIn(folder: string): Promise<string[][]> {
  const card = await Deno.readTextFile(`${folder}/README.md`);
  const sentences = [
    /Weights that are run: (\S+) before, (\S+) after/,
    /in 16 bits: (.+?) before, (.+?) after/,
  ];
  return sentences.map((sentence) => card.match(sentence)!.slice(1));
}

Deno.test("bytes, weights, keys and values of a plan are those of the files that an export writes, in every format", async () => {
  using model = await openModel(trained); // whose MLPs are too narrow for hf-nas
  const importance = await profile(model, { ...size, samples: 2 });
  const options = { ...size, samples: 4, loss: 9, calibration: { length: 32 }, time: false, unchecked: true };
  await withFolder(async (folder) => {
    for (const format of [undefined, "hf", "onnx"] as const) {
      const targets = format ? undefined : ["attention"] as const;
      const asked = { ...options, loss: 99, profile: importance, format, targets };
      const { file, tried, answer, plan } = await fit(model, { ...asked, results: `${folder}/results` });
      assert.equal(file!.format, format ?? "gguf-deci");
      const { bytes } = tried[answer!];
      const found = [...new Set(tried.map(({ target }) => target))];
      assert.deepEqual(found, targets ?? (format === "hf" ? ["block"] : ["attention", "mlp", "joint"]));
      const as = file!.format as Format;
      const { sizes } = await exportModel(model, plan!, { format: as, out: `${folder}/${as}` });
      assert.deepEqual(sizes, { original: file!.original, whole: file!.whole, smaller: bytes });
      assert.ok(sizes.smaller < sizes.whole!);
      const { parameters, kvBytesPerToken } = plan!.saves!;
      const [[before, after], kv] = await saidIn(`${folder}/${as}`);
      assert.equal(Number(before) - Number(after), parameters);
      const all = kvBytesPerToken / plan!.saves!.kvShare;
      assert.deepEqual(kv, [all, all - kvBytesPerToken].map((bytes) => formatBytes(8192 * bytes)));
      assert.deepEqual(tried[answer!].saves, plan!.saves);
      const zeros = tried.find(({ drop }) => drop.attention.includes(0) && !drop.mlp.includes(0));
      if (!format) {
        assert.equal(zeros!.saves.kvShare, (zeros!.dropped - 1) / 8, "the first layer's are zeros");
      }
    }
  });
  const none =
    /^RangeError: Cannot fit step04096: no module leaves a file in format llm-drop, expected another format, or targets$/;
  await assert.rejects(fit(model, { ...options, profile: importance, format: "llm-drop" }), none);
  const own = { ...options, profile: importance, format: "hf", targets: ["attention"] } as const;
  const { file, tried } = await fit(model, own);
  assert.ok(tried.every(({ bytes }) => bytes === file!.whole), "stays, and is tried for what runs here");
});

Deno.test("the size of a plan leaves no file open", async () => {
  using model = await openModel(trained);
  const { files } = model;
  let open = 0;
  const counted = {
    ...files!,
    async open(name: string) {
      const source = await files!.open(name);
      let left = ++open && 1;
      const close = () => {
        open -= left;
        left = 0;
        source.close();
      };
      return { ...source, close };
    },
  };
  for (const format of FORMATS) {
    using sizer = await (await sizerOf({ ...model, files: counted }, format))?.open() ?? null;
    const before = open;
    for (const attention of [[1], [2], [1, 2]]) await sizer?.filesOf({ attention, mlp: [] });
    assert.equal(open, before, format);
  }
  assert.equal(open, 0);
});

Deno.test("what leaves a file, by the family and the format", async () => {
  const leaving = async (name: string, format: Format) => {
    using model = await openModel((await fixture(name)).folder);
    const sizer = await sizerOf(model, format);
    return sizer && sizer.leaving.join(" ");
  };
  const all = "attention mlp block";
  const found = (name: string) => Promise.all(FORMATS.map((format) => leaving(name, format)));
  assert.deepEqual(await found("llama"), ["", "block", null, "block", all, all]);
  assert.deepEqual(await found("qwen2"), ["", "block", null, "block", null, all]);
  using model = await openModel((await fixture("qwen2")).folder);
  const refused =
    /^RangeError: Cannot export .* as gguf-deci: the model has architecture qwen2, expected llama; formats that can: .*gguf/;
  await assert.rejects(fit(model, { loss: 1, format: "gguf-deci" }), refused);
});
