/** A plan on a path as an ordinary deeper model: what is read back gives the path on the original, to the last bit. */
import assert from "node:assert/strict";
import { exportModel } from "../../src/export/mod.ts";
import { type Format, sizerOf } from "../../src/formats/mod.ts";
import { openModel as openFiles } from "../../src/hub/mod.ts";
import type { Change } from "../../src/measure/mod.ts";
import { type DropLists, dropPlan, noDrop } from "../../src/run/mod.ts";
import { openModel } from "../../src/subject/mod.ts";
import { openGguf, openSafetensors } from "../../src/weights/mod.ts";
import { fileSource } from "../../src/hub/mod.ts";
import { fixture, fixtureNames } from "../fixtures/read.ts";
import { finalStreams } from "../run/states.ts";
import { withTiny } from "../study/tiny.ts";
import { blocksOf, distance, largest, openFolder, stateTolerance, withFolder } from "../support.ts";
import { linearOf, meanOf, refitted, refOf, scaled } from "./changed.ts";
import { bothStreams, expectSame, type Smaller, withSmaller } from "./smaller.ts";
import { withWide } from "./wide.ts";

const nameOf = (ref: string) => ref.replace(/(-older|-joined)?\.gguf$/, "");

async function withPath(
  ref: string,
  lists: DropLists,
  format: Format,
  use: (both: Smaller, plan: ReturnType<typeof dropPlan>) => Promise<void>,
) {
  const opened = await openModel(ref);
  const plan = dropPlan(opened.spec, lists);
  opened.close();
  await withSmaller(ref, plan, format, (both) => use(both, plan));
}

async function expectPath(
  name: string,
  lists: DropLists,
  format: Format,
  besides: (both: Smaller) => Promise<void> | void = () => {},
) {
  await withPath(await refOf(name), lists, format, async (both, plan) => {
    await expectSame(nameOf(name), both, plan);
    await besides(both);
  });
}

/** Whose attention depends on its number. */
const NUMBERED = "gpt2-scaled";

for (const name of fixtureNames.filter((name) => name !== NUMBERED)) {
  Deno.test(`${name}: a layer that runs twice is there twice in a folder`, async () => {
    using opened = await openModel(await refOf(name));
    const { layers } = opened.spec;
    const order = [0, 1, ...layers.keys().drop(1)];
    await expectPath(name, { path: order }, "hf", ({ smaller, exported }) => {
      assert.deepEqual(smaller.spec.layers, order.map((l) => layers[l]));
      assert.deepEqual(exported.notes, []);
    });
  });
}

/** Lists of one entry a layer in `config.json`, and what becomes of them. */
const LISTS: readonly (readonly [name: string, path: string, fields: Record<string, unknown>])[] = [
  ["gemma3", "3,2,2,0", {
    layer_types: ["sliding_attention", "full_attention", "full_attention", "sliding_attention"],
  }],
  ["smollm3", "0-3,3,0", { no_rope_layers: [1, 1, 1, 0, 0, 1] }],
  ["qwen3-next", "0-1,1,0", {
    layer_types: ["linear_attention", "full_attention", "full_attention", "linear_attention"],
    mlp_only_layers: [1, 2],
  }],
  ["qwen3-moe-loose", "2,0,2", { mlp_only_layers: [0, 2], decoder_sparse_step: 1 }],
  ["glm4-moe", "0,0,2,1", { first_k_dense_replace: 2 }],
  ["gpt2", "2,1,0,1", { n_layer: 4 }],
];

for (const [name, path, fields] of LISTS) {
  Deno.test(`${name}: lists of one entry a layer follow path ${path}`, () =>
    expectPath(name, { path }, "hf", async ({ exported }) => {
      const config = JSON.parse(await Deno.readTextFile(`${exported.folder}/config.json`));
      assert.deepEqual(
        Object.fromEntries(Object.keys(fields).map((field) => [field, config[field]])),
        fields,
      );
    }));
}

for (const name of ["gemma2", "gemma3", "qwen2-window"]) {
  Deno.test(`${name}: windows that a rule assigns by layer number follow the path, layer by layer`, () =>
    withFolder(async (folder) => {
      const { folder: from, ...expected } = await fixture(name);
      await Deno.mkdir(`${folder}/older`);
      await Deno.copyFile(`${from}/config.older.json`, `${folder}/older/config.json`);
      await Deno.copyFile(`${from}/model.safetensors`, `${folder}/older/model.safetensors`);
      using older = await openModel(`${folder}/older`);
      const plan = dropPlan(older.spec, { path: "0,2,1,1" });
      await exportModel(older, plan, { format: "hf", out: `${folder}/out` });
      using deeper = await openFolder(`${folder}/out`);
      const blocks = blocksOf({ folder, ...expected });
      assert.deepEqual(
        await finalStreams(deeper, blocks, [noDrop]),
        await finalStreams(older, blocks, [plan]),
      );
    }));
}

Deno.test("llama: each visit has the bytes of its layer's tensors, under its own number; nothing else is there", () =>
  expectPath("llama", { path: "2,0,2,2" }, "hf", async ({ original, exported }) => {
    const [from, to] = await Promise.all([await refOf("llama"), exported.folder].map(async (folder) => {
      const files = await openFiles(folder);
      return { files, file: await openSafetensors(files) };
    }));
    const order = [2, 0, 2, 2];
    const wanted = [...from.file.tensors.keys()].flatMap((name) => {
      const [, layer] = /layers\.(\d+)\./.exec(name) ?? [];
      if (layer === undefined) return [[name, name]];
      return order.flatMap((l, i) =>
        l === Number(layer) ? [[name.replace(/layers\.\d+/, `layers.${i}`), name]] : []
      );
    });
    assert.deepEqual([...to.file.tensors.keys()].sort(), wanted.map(([name]) => name).sort());
    for (const [name, stored] of wanted) {
      assert.deepEqual(await to.file.read(name), await from.file.read(stored));
    }
    assert.equal(original.spec.layers.length, 3);
    [from, to].forEach(({ files, file }) => [file, files].forEach((one) => one.close()));
  }));

const GGUF: readonly (readonly [name: string, path: string, metadata: Record<string, unknown>])[] = [
  ["llama.gguf", "0-2,1-2", { "llama.block_count": 5 }],
  ["llama-joined.gguf", "1,0,1", { "llama.block_count": 3 }],
  ["qwen3.gguf", "2,1,0,0", { "qwen3.block_count": 4 }],
  ["gpt2.gguf", "0,1,1,2", { "gpt2.block_count": 4 }],
  ["mixtral.gguf", "0,0,2", { "llama.block_count": 3 }],
  ["qwen3-5.gguf", "0-3,3,0", {
    "qwen35.attention.recurrent_layers": [true, true, true, false, false, true],
    "qwen35.block_count": 6,
  }],
  ["olmo3.gguf", "3,3,0", { "olmo2.attention.sliding_window_pattern": [false, false, true] }],
];

for (const [name, path, wanted] of GGUF) {
  Deno.test(`${name}: path ${path} as a GGUF file of the same architecture`, () =>
    expectPath(name, { path }, "gguf", async ({ exported }) => {
      const file = await openGguf(await fileSource(`${exported.folder}/model.gguf`));
      for (const [key, value] of Object.entries(wanted)) assert.deepEqual(file.metadata.get(key), value);
      file.close();
    }));
}

Deno.test("a GGUF file on a path as a folder, and a folder on a path as a GGUF file", async () => {
  await expectPath("llama.gguf", { path: "0,1,0,2", mlp: [1] }, "hf");
  await expectPath("llama", { path: "0,1,0,2" }, "gguf");
});

/** The changes of single visits, which are modules of their own in a deeper model. */
const visit = (layer: number, visit: number, module: "attention" | "mlp" = "attention") =>
  ({ layer, module, to: "nothing", visit }) as const;

Deno.test("llama: modules dropped at one visit are zeros there alone, or not there, and fit together across layers", async () => {
  await expectPath("llama", { path: "0,1,1", changes: [visit(1, 1)] }, "hf", ({ smaller, exported }) => {
    assert.equal(smaller.spec.layers.length, 3);
    assert.match(exported.notes.join(), /^attention 1 at visit 1: stored with .* zeros/);
  });
  const fitting = { path: "0,1,1,0", changes: [visit(1, 1), visit(1, 0, "mlp")] };
  await expectPath("llama", fitting, "hf", ({ smaller, exported }) => {
    assert.equal(smaller.spec.layers.length, 3);
    const said =
      "attention 1 at visit 0, MLP 1 at visit 1: one layer, since MLP 1 at visit 0, attention 1 at visit 1 are dropped";
    assert.deepEqual(exported.notes, [said]);
  });
  const whole = { path: "0,1,1,2", changes: [visit(1, 1), visit(1, 1, "mlp")] };
  await expectPath("llama", whole, "gguf", ({ smaller }) => assert.equal(smaller.spec.layers.length, 3));
  const first = { path: "0,1,0", attention: [0] }; // deci needs attention in its first layer, whose zeros are there
  await expectPath("llama.gguf", first, "gguf-deci", ({ smaller, exported }) => {
    assert.deepEqual(smaller.spec.layers.map(({ attention }) => attention !== null), [true, true, false]);
    assert.match(exported.notes[0], /^attention 0 at visit 1: left out of the file/);
    assert.match(exported.notes[1], /^attention 0 at visit 0: stored with .* zeros/);
  });
});

Deno.test("llama: hf-nas holds a path, with modules left out of single visits and a matrix in one", () =>
  withWide("llama", async (folder) => {
    for (
      const lists of [{ path: "0-2,1" }, { path: "1,0,1", changes: [visit(1, 1, "mlp")], attention: [0] }]
    ) {
      await withPath(folder, lists, "hf-nas", (both, plan) => expectSame("llama", both, plan));
    }
    using model = await openModel(folder);
    const matrix = { ...linearOf(model.spec, 1, "attention"), visit: 1 } as Change;
    await withPath(
      folder,
      { path: "0,1,1", changes: [matrix] },
      "hf-nas",
      (both, plan) => expectClose("llama", both, plan),
    );
  }));

/** Where numbers are summed in another order. */
async function expectClose(name: string, both: Smaller, plan: ReturnType<typeof dropPlan>) {
  const [planned, found] = await bothStreams(name, both, plan);
  const most = 2 * stateTolerance(both.smaller.spec) * largest(planned);
  assert.ok(distance(found, planned) <= most, `off by ${distance(found, planned)}, at most ${most}`);
}

const CHANGED: readonly (readonly [name: string, ...formats: Format[]])[] = [
  ["llama", "hf", "gguf-deci"],
  ["llama.gguf", "hf", "gguf-deci"],
  ["gpt2", "hf"],
];

for (const [name, ...formats] of CHANGED) {
  for (const format of formats) {
    Deno.test(`${name}: other weights, scales and means of all visits or of one are in those layers of ${format}`, async () => {
      using model = await openModel(await refOf(name));
      const { spec } = model;
      const changes = [
        refitted(spec, 0, "mlp"), // at both visits
        { ...scaled(1, "mlp", 0.5), visit: 1 } as Change,
        { ...scaled(1, "mlp", 1.5), visit: 0 } as Change,
        { ...meanOf(spec, 1, "attention"), visit: 1 } as Change,
      ];
      await withPath(
        await refOf(name),
        { path: "0,1,0,1,2", changes },
        format,
        (both, plan) => expectClose(nameOf(name), both, plan),
      );
    });
  }
}

Deno.test("what a format cannot hold of a path is refused by name, with the formats that can; nothing is written", () =>
  withFolder(async (folder) => {
    const linear = (visit: number) => async () => {
      using model = await openModel(await refOf("llama"));
      return [{ ...linearOf(model.spec, 1, "mlp"), visit } as Change];
    };
    const none = () => Promise.resolve(undefined);
    const window: Change = { layer: 1, module: "attention", to: "window", keys: 4, sinks: 0, visit: 0 };
    const refused: [string, Format, string, () => Promise<Change[] | undefined>, RegExp][] = [
      ["llama", "llm-drop", "1,0", none, /path 1,0 has no place in lists .*: hf, gguf, gguf-deci, onnx$/],
      [
        "llama",
        "hf",
        "0-1~2,2",
        none,
        /path 0-1~2\/0\.5,2 has a damped loop or layers .*; formats that can: onnx$/,
      ],
      ["llama.gguf", "gguf", "0,1|2", none, /path 0,1\|2 has a damped loop or .*; formats that can: onnx$/],
      [
        "llama",
        "hf",
        "0,1,1",
        linear(1),
        /MLP 1 at visit 1 is replaced by a linear map, .*: gguf-deci, onnx$/,
      ],
      [
        "llama",
        "gguf",
        "0,1,1",
        () => Promise.resolve([window]),
        /attention 1 at visit 0 has a window .*: onnx$/,
      ],
      [
        "llama",
        "gguf",
        "0,1,1",
        () => Promise.resolve([visit(1, 0)]),
        /attention 1 at visit 0 is dropped alone/,
      ],
      [NUMBERED, "hf", "0,1,1", none, /attention 1 at visit 1 would change as layer 2 \(attention\.scale/],
      ["glm4-moe", "hf", "0,1,0", none, /MLP 1 would change as layer 1 .*; formats that can: onnx$/],
      ["qwen3-next", "gguf", "0,1,1", none, /is of family qwen3_next, expected one of .*: hf$/],
    ];
    for (const [name, format, path, changes, message] of refused) {
      const ref = await refOf(name);
      const lists = { path, changes: await changes() };
      await assert.rejects(exportModel(ref, lists, { format, out: `${folder}/out` }), {
        name: "RangeError",
        message,
      });
    }
    const everything = { path: "0,0", attention: [0], mlp: [0] };
    await assert.rejects(
      exportModel(await refOf("llama"), everything, { format: "hf", out: `${folder}/out` }),
      /all its modules are dropped/,
    );
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("what a checkpoint leaves out of its layers is left out of every visit", () =>
  withTiny(async ({ model, folder }) => {
    const config = JSON.parse(await Deno.readTextFile(`${folder}/config.json`));
    await Deno.writeTextFile(`${folder}/config.json`, JSON.stringify({ ...config, drop_mlp_list: [1] }));
    await withPath(folder, { path: "0,1,1,2" }, "hf", async (both) => {
      const plan = dropPlan(model.spec, { path: "0,1,1,2", mlp: [1] });
      await expectSame("llama", { ...both, original: model }, plan);
    });
  }));

Deno.test("4096 visits have the size of as many layers, which is known before a byte is written", async () => {
  using model = await openModel(await refOf("llama.gguf"));
  using sizer = await (await sizerOf(model, "gguf"))!.open();
  const bytes = async (visits: number) =>
    (await sizer.bytesOf(dropPlan(model.spec, { path: Array(visits).fill(1) })))!;
  const file = await openGguf(await fileSource(await refOf("llama.gguf")));
  const layer = [...file.tensors].filter(([name]) => name.startsWith("blk.1.")).reduce(
    (sum, [, own]) => sum + own.bytes,
    0,
  );
  file.close();
  const [ten, all] = [await bytes(10), await bytes(4096)];
  const names = 100 * 9 * 4096; // at most: what the header says of nine tensors a layer
  assert.ok(all - ten >= 4086 * layer && all - ten <= 4086 * layer + names, `${all - ten}`);
});

Deno.test("the card says the path in words, how often layers run, and what a visit costs", () =>
  withFolder(async (folder) => {
    const ref = await refOf("llama");
    const card = async (lists: DropLists, format: Format) => {
      const out = `${folder}/${format}`;
      await exportModel(ref, lists, { format, out });
      return await Deno.readTextFile(`${out}/README.md`);
    };
    const plain = await card({ path: "0-1,0-1,1", mlp: [1] }, "hf");
    assert.match(plain, /order \(`--path 0-1,0-1,1`\): layers 0 to 1, then layers 0 to 1, then layer 1\./);
    assert.match(
      plain,
      /5 visits of layers; the original has 3\. Layers that run more than once: 0 1\. Layers that do not run: 2\./,
    );
    assert.match(plain, /Each visit takes the time of a layer, keeps keys and values of its own/);
    assert.match(plain, /\| MLP {7}\| 1 \|/);
    assert.match(plain, /5 of 5 visits of layers keep at least one module\./);
    assert.match(plain, /`lamina perplexity --path 0-1,0-1,1 --drop-mlp 1 llama`/);
    assert.match(plain, /`lamina export --path 0-1,0-1,1 --drop-mlp 1 --format hf --out smaller llama`/);
    assert.match(plain, /\| keys and values per token, in 16 bits \|.*\| 66\.7 % more \|/); // five visits of three layers
    const joined = await card({ path: "0-1~3/0.25,1|2" }, "onnx");
    assert.match(
      joined,
      /layers 0 to 1 in a damped loop of 3 rounds \(0\.25 of a single round is mixed in\), then layer 1 beside layer 2\./,
    );
    assert.match(joined, /8 visits of layers/);
    assert.match(joined, /--path '0-1~3\/0\.25,1\|2'/);
  }));
