import { closed, type Progress } from "core/entry/mod.ts";
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { partialPath } from "core/hub/cache/partial.ts";
import { cacheEntries, datasetFile, openModel } from "core/hub/mod.ts";
import { COMMIT, type FakeHub, layOut, pattern, withHub } from "./fake_hub.ts";
import { CONFIG, content, fileNames, MODEL, REPOSITORY, snapshot, WEIGHTS } from "./hub_model.ts";

const FILES = Object.keys(MODEL).sort();
const openOwn = async () => closed(await openModel("owner/name"));
/** The offsets from which the second server was asked for bytes. */
const starts = ({ log }: FakeHub) =>
  log.filter((line) => line.startsWith("STORE")).map((line) => /=(\d+)/.exec(line)![1]);

Deno.test("a model of the hub is fetched once, said before, checked, and then used without the hub", () =>
  withHub(REPOSITORY, async (hub, folder) => {
    const notices: string[] = [];
    const reports: Progress[] = [];
    const options = {
      onNotice: (line: string) => notices.push(line),
      onProgress: (p: Progress) => reports.push(p),
    };
    const model = await openModel("owner/name", options);
    assert.deepEqual([model.name, model.revision, model.kind], ["owner/name", COMMIT, "folder"]);
    assert.deepEqual(model.list(), FILES);
    const source = await model.open("model.safetensors");
    assert.deepEqual(await source.read(0, source.size), WEIGHTS);
    model.close();
    assert.match(
      notices[0],
      /^owner\/name at 0123\w+: 200 kB in 3 files from the hub, licence: mit; .* free$/,
    );
    assert.equal(reports.at(-1)!.done, WEIGHTS.length + CONFIG.length + 2);
    assert.equal(reports.at(-1)!.total, reports.at(-1)!.done);

    const asked = hub.log.length;
    const again = await openModel("owner/name", options);
    assert.equal(hub.log.length, asked);
    assert.match(notices.at(-1)!, /from the cache/);
    assert.equal(await again.fingerprint(), await model.fingerprint());
    await assert.rejects(again.open("README.md"), /no such file, expected one of: config\.json/);
    assert.deepEqual(await fileNames(join(folder, "cache/partial")), []);
    assert.deepEqual((await cacheEntries()).map(({ name }) => name), ["owner/name"]);
  }));

Deno.test("the fingerprint is the same for a download, a stream, Hugging Face's cache and a folder", async () => {
  const prints = new Set<string>();
  await withHub(REPOSITORY, async (_, folder) => {
    prints.add(await (await openModel("owner/name", { stream: true })).fingerprint());
    prints.add(await (await openModel("owner/name")).fingerprint());
    const plain = join(folder, "plain");
    await Deno.mkdir(plain);
    await Deno.writeFile(join(plain, "config.json"), CONFIG);
    await Deno.writeFile(join(plain, "model.safetensors"), WEIGHTS);
    prints.add(await (await openModel(plain)).fingerprint());
    await layOut(join(folder, "huggingface"), MODEL);
    prints.add(await (await openModel(`owner/name@${COMMIT}`)).fingerprint());
  });
  assert.equal(prints.size, 1);
});

Deno.test("with stream, weights stay on the hub and are read in ranges; the token stays with the hub", () =>
  withHub(REPOSITORY, async (hub, folder) => {
    Deno.env.set("HF_TOKEN", "secret");
    const model = await openModel("owner/name@v1", { stream: true });
    assert.deepEqual(await fileNames(snapshot(folder)), ["config.json", "tokenizer.json"]);
    const source = await model.open("model.safetensors");
    assert.equal(source.path, undefined);
    hub.faults.set("model.safetensors", [{ kind: "drop", after: 10 }]);
    assert.deepEqual(await source.read(1000, 2000), WEIGHTS.slice(1000, 2000));
    assert.deepEqual(hub.tokens, { hub: "Bearer secret", store: null });
  }));

Deno.test("with stream, a server that sends whole files only has the file fetched once, with a notice", () =>
  withHub(REPOSITORY, async (hub) => {
    const notices: string[] = [];
    const onNotice = (line: string) => notices.push(line);
    using model = closed(await openModel("owner/name", { stream: true, onNotice }));
    hub.faults.set("model.safetensors", Array(4).fill({ kind: "whole" }));
    const source = await model.open("model.safetensors");
    const ranges = [[0, 10], [1000, 2000], [150_000, 160_000]];
    const parts = await Promise.all(ranges.map(([start, end]) => source.read(start, end)));
    assert.deepEqual(parts, ranges.map(([start, end]) => WEIGHTS.slice(start, end)));
    assert.deepEqual(await source.read(5, 7), WEIGHTS.slice(5, 7));
    assert.match(notices.at(-1)!, /: 200 kB in 1 files from the hub/);
    assert.deepEqual(starts(hub), ["0", "150000", "0"], "ranges, then the whole file");
  }));

Deno.test("a download goes on after drops, and after an interruption where it stopped", () =>
  withHub(REPOSITORY, async (hub) => {
    hub.faults.set("model.safetensors", [
      { kind: "drop", after: 60_000 },
      { kind: "truncate", after: 40_000 },
      ...Array(5).fill({ kind: "status", status: 502 }),
    ]);
    const failed = /owner\/name\/model\.safetensors: the server answered 502 at byte \d+/;
    await assert.rejects(openModel("owner/name"), failed);
    assert.deepEqual(await content("model.safetensors"), WEIGHTS);
    assert.deepEqual(starts(hub), ["0", "60000", ...Array(6).fill("100000")]);
  }));

Deno.test("a server without ranges is good enough for a download", () =>
  withHub(REPOSITORY, async (hub) => {
    hub.faults.set("model.safetensors", [{ kind: "drop", after: 60_000 }, { kind: "whole" }]);
    assert.deepEqual(await content("model.safetensors"), WEIGHTS);
  }));

Deno.test("content that is not what the hub promised leaves nothing behind and is fetched anew", () =>
  withHub(REPOSITORY, async (hub, folder) => {
    for (const file of ["config.json", "model.safetensors"]) {
      hub.faults.set(file, [{ kind: "corrupt" }]);
      await assert.rejects(
        openModel("owner/name"),
        RegExp(`${file}: found hash [0-9a-f]+, expected [0-9a-f]+`),
      );
      assert.ok(!(await fileNames(snapshot(folder))).includes(file));
    }
    (await openModel("owner/name")).close();
    assert.ok((await fileNames(snapshot(folder))).includes("model.safetensors"));
  }));

Deno.test("what an earlier attempt left is fetched anew where it is damaged", () =>
  withHub(REPOSITORY, async (hub) => {
    const partial = partialPath(`${hub.url}/owner/name/resolve/${COMMIT}/model.safetensors`);
    await Deno.mkdir(dirname(partial), { recursive: true });
    await Deno.writeFile(partial, new Uint8Array(70_000));
    assert.deepEqual(await content("model.safetensors"), WEIGHTS);
    assert.deepEqual(starts(hub), ["70000", "0"]);
  }));

Deno.test("a sharded model comes by its index; a repository of one GGUF file is that file", async () => {
  await withHub(REPOSITORY, async (hub) => {
    hub.files.delete("model.safetensors");
    const shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    for (const shard of shards) hub.files.set(shard, pattern(50));
    const map = Object.fromEntries(shards.map((shard, i) => [`t${i}`, shard]));
    const index = "model.safetensors.index.json";
    hub.files.set(index, new TextEncoder().encode(JSON.stringify({ weight_map: map })));
    const files = ["config.json", ...shards, index, "tokenizer.json"];
    for (const _ of ["the hub", "the cache"]) assert.deepEqual((await openModel("owner/name")).list(), files);
  });
  await withHub(async (hub) => {
    hub.files.set("a.gguf", WEIGHTS);
    hub.files.set("config.json", CONFIG);
    for (const from of ["the hub", "the cache"]) {
      const model = await openModel("owner/name");
      assert.equal(model.kind, "gguf", from);
      assert.deepEqual(model.list(), ["a.gguf"], from);
      assert.equal(await model.fingerprint(), `sha256:${createHash("sha256").update(WEIGHTS).digest("hex")}`);
    }
  });
});

Deno.test("a repository that is no model says what it lacks", () =>
  withHub({ "config.json": CONFIG, "pytorch_model.bin": pattern(5) }, async () => {
    const torch = /no weights, expected .*found pytorch_model\.bin; .*from_pretrained\("owner\/name"\)/;
    await assert.rejects(openModel("owner/name"), torch);
  }));

Deno.test("a licence is one line of bounded length; what is not a text is not stated", async () => {
  const licences: [unknown, RegExp][] = [
    ["mit\n\x1b[31mlamina: done", /licence: mit \ufffd\[31mlamina: done; /],
    ["x".repeat(10 ** 6), /licence: x{59}…; /],
    [" \n", /licence: not stated; /],
    [["mit"], /licence: not stated; /],
  ];
  for (const [license, expected] of licences) {
    await withHub(REPOSITORY, async (hub) => {
      hub.intercept = ({ url }) =>
        /\/api\/models\/owner\/name\/revision\/main/.test(url)
          ? Response.json({ _id: "1", id: "owner/name", sha: COMMIT, cardData: { license } })
          : undefined;
      const notices: string[] = [];
      await openModel("owner/name", { onNotice: (line) => notices.push(line) });
      assert.match(notices[0], expected);
    });
  }
});

Deno.test("a disk that is too small is an error before the first byte", () =>
  withHub(async (hub) => {
    const lfs = { oid: "0".repeat(64), size: 2 ** 52, pointerSize: 1 };
    hub.listing = [{ type: "file", path: "a.gguf", size: 2 ** 52, lfs }];
    await assert.rejects(openModel("owner/name"), /free in .*, expected 4\.50 PB; prune the cache/);
    assert.ok(!hub.log.some((line) => line.includes("resolve")));
  }));

Deno.test("Hugging Face's cache is used first, offline too, and nothing is written", () =>
  withHub(async (hub, folder) => {
    await layOut(join(folder, "huggingface"), MODEL);
    Deno.env.set("HF_HUB_OFFLINE", "1");
    const model = await openModel("owner/name");
    assert.equal(model.revision, COMMIT);
    assert.deepEqual(model.list(), FILES);
    assert.deepEqual(hub.log, []);
    assert.deepEqual(await cacheEntries(), []);
  }));

Deno.test("what Hugging Face's cache lacks of a model is fetched, the rest is used", () =>
  withHub(REPOSITORY, async (_, folder) => {
    await layOut(join(folder, "huggingface"), { ...MODEL, "tokenizer.json": undefined });
    using model = await openOwn();
    assert.deepEqual(model.list(), FILES);
    assert.deepEqual(await fileNames(snapshot(folder)), ["tokenizer.json"]);
    assert.match((await model.open("model.safetensors")).path!, /huggingface/);
  }));

Deno.test("offline, what is not here is an error that says so", () =>
  withHub(REPOSITORY, async (hub) => {
    Deno.env.set("HF_HUB_OFFLINE", "1");
    await assert.rejects(openModel("owner/name"), /not in the cache and HF_HUB_OFFLINE is set/);
    await assert.rejects(
      datasetFile("owner/name", "a.json"),
      /^Error: Cannot open the dataset owner\/name at .* not in the cache and HF_HUB_OFFLINE is set, (?!.*gguf|.*packaged)/,
    );
    assert.deepEqual(hub.log, []);
  }));

Deno.test("one file of a dataset is fetched once", () =>
  withHub(async (hub, folder) => {
    hub.files.set("en/part.json.gz", WEIGHTS);
    const path = await datasetFile("owner/name", "en/part.json.gz");
    assert.equal(path, join(snapshot(folder, "datasets"), "en/part.json.gz"));
    assert.deepEqual(await Deno.readFile(path), WEIGHTS);
    const asked = hub.log.length;
    assert.equal(await datasetFile("owner/name", "en/part.json.gz"), path);
    assert.equal(hub.log.length, asked);
    assert.deepEqual((await cacheEntries()).map(({ name }) => name), ["datasets/owner/name"]);
    await assert.rejects(datasetFile("owner/name", "en/none.gz"), /Cannot find en\/none\.gz in owner\/name/);
    await assert.rejects(datasetFile("owner/name", "../x"), /leaves its folder/);
    await assert.rejects(datasetFile("name", "x"), TypeError);
    assert.deepEqual(await fileNames(dirname(path)), ["part.json.gz"]);
  }));

Deno.test("a signal ends a download", () =>
  withHub(REPOSITORY, async (hub) => {
    const controller = new AbortController();
    hub.faults.set("model.safetensors", Array(5).fill({ kind: "status", status: 500, wait: 20 }));
    setTimeout(() => controller.abort(new Error("enough")), 300);
    await assert.rejects(openModel("owner/name", { signal: controller.signal }), { message: "enough" });
  }));
