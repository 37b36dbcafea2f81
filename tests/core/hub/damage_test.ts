/** Files that are not what arrived: found out at the first opening, found by `verifyCache`, fetched again once. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { closed } from "core/entry/mod.ts";
import { datasetFile, openModel, pruneCache, verifyCache } from "core/hub/mod.ts";
import { packageFiles, packageFolder } from "core/hub/packages/packaged.ts";
import { content, MODEL, snapshot, WEIGHTS } from "./hub_model.ts";
import { writePackage } from "./package.ts";
import { COMMIT, layOut, pattern, sha256, withCache, withHub } from "./fake_hub.ts";

/** Flips a bit; size and time stay. */
async function flip(path: string): Promise<void> {
  const { mtime, atime } = await Deno.stat(path);
  const bytes = await Deno.readFile(path);
  bytes[bytes.length >> 1] ^= 1;
  await Deno.writeFile(path, bytes);
  await Deno.utime(path, atime!, mtime!);
}

const ours = (folder: string, file: string) => join(snapshot(folder), file);
const theirs = (folder: string, file: string) =>
  join(folder, "huggingface/models--owner--name/snapshots", COMMIT, file);

Deno.test("a bit that flips in a cached file is found by verify, and the next opening fetches the file again", () =>
  withHub(MODEL, async (_, folder) => {
    await openModel("owner/name");
    assert.deepEqual(await verifyCache([]), { files: 3, bytes: WEIGHTS.length + 4, damaged: [] });
    for (const file of ["model.safetensors", "config.json"]) {
      await flip(ours(folder, file));
      const { damaged } = await verifyCache(["owner/name"]);
      assert.deepEqual(damaged.map(({ entry, path }) => [entry, path]), [["owner/name", ours(folder, file)]]);
      assert.match(damaged[0].found, /^its hash is [0-9a-f]{64}, expected [0-9a-f]{64}$/);
      const notices: string[] = [];
      await openModel("owner/name", { onNotice: (line) => notices.push(line) });
      assert.match(
        notices[0],
        RegExp(`^owner/name: damaged in the cache \\(.*${COMMIT}/${file}: its hash is`),
      );
      assert.deepEqual(await content(file), MODEL[file as keyof typeof MODEL]);
    }
    assert.deepEqual((await verifyCache([])).damaged, []);
    const unknown = /Cannot find owner\/nam: .* expected one of: owner\/name/;
    await assert.rejects(verifyCache(["owner/nam"]), unknown);
  }));

Deno.test("what is damaged before its first opening, truncated or changed is found at once, also of a dataset", () =>
  withHub(MODEL, async (hub, folder) => {
    await openModel("owner/name");
    const damages = [
      (path: string) => Deno.truncate(path, 100),
      (path: string) => Deno.writeFile(path, WEIGHTS.slice().reverse()),
      (path: string) => Deno.remove(path),
    ];
    for (const damage of damages) {
      await damage(ours(folder, "model.safetensors"));
      assert.deepEqual(await content("model.safetensors"), WEIGHTS);
    }
    hub.files.set("rows.json", WEIGHTS);
    const path = await datasetFile("owner/name", "rows.json");
    await Deno.truncate(path, 5);
    assert.equal(await datasetFile("owner/name", "rows.json"), path);
    assert.deepEqual(await Deno.readFile(path), WEIGHTS);
  }));

Deno.test("offline, damage is named; an old stamp, which nobody has compared, is not believed", () =>
  withHub(MODEL, async (_, folder) => {
    await openModel("owner/name");
    const path = ours(folder, "model.safetensors");
    await flip(path);
    const { size, mtime } = await Deno.stat(path);
    const old = { size, mtime: mtime!.getTime(), sha256: sha256(WEIGHTS) };
    await Deno.writeTextFile(join(dirname(path), ".model.safetensors.stamp"), JSON.stringify(old));
    Deno.env.set("HF_HUB_OFFLINE", "1");
    const damaged =
      /is damaged in the cache \(.*\/model\.safetensors: its hash is .* and HF_HUB_OFFLINE is set/;
    await assert.rejects(openModel("owner/name"), damaged);
  }));

Deno.test("a blob of Hugging Face's cache is not believed by its name; ours is fetched beside it", () =>
  withHub(MODEL, async (_, folder) => {
    await layOut(join(folder, "huggingface"), MODEL);
    for (const file of ["model.safetensors", "config.json"]) {
      const blob = await Deno.realPath(theirs(folder, file));
      await Deno.writeFile(blob, MODEL[file as keyof typeof MODEL].slice().fill(7));
      const notices: string[] = [];
      const read = await content(file, { onNotice: (line) => notices.push(line) });
      assert.match(notices[0], RegExp(`damaged in the cache \\(.*huggingface.*${file}: its hash is`));
      assert.deepEqual(read, MODEL[file as keyof typeof MODEL]);
      await Deno.writeFile(blob, MODEL[file as keyof typeof MODEL]);
    }
  }));

Deno.test("where both caches are one, what replaces a damaged link is ours, and prune leaves the rest", () =>
  withHub(MODEL, async (_, folder) => {
    Deno.env.set("HF_HUB_CACHE", join(folder, "cache/hub"));
    await layOut(join(folder, "cache/hub"), MODEL);
    await Deno.truncate(await Deno.realPath(ours(folder, "model.safetensors")), 9);
    assert.deepEqual(await content("model.safetensors"), WEIGHTS);
    assert.deepEqual((await verifyCache([])).damaged, []);
    const pruned = (await pruneCache("all")).map(({ name, bytes }) => [name, bytes]);
    assert.deepEqual(pruned, [["owner/name", WEIGHTS.length]]);
    const left = [...Deno.readDirSync(dirname(ours(folder, "config.json")))].map(({ name }) => name);
    assert.deepEqual(left.sort(), ["config.json", "tokenizer.json"]);
  }));

Deno.test("verify reads Hugging Face's cache, once for each blob, and finds links that lead nowhere", () =>
  withHub(async (_, folder) => {
    await layOut(join(folder, "huggingface"), MODEL); // two of its files are one blob
    Deno.env.set("HF_HUB_OFFLINE", "1");
    await openModel("owner/name");
    assert.deepEqual(await verifyCache([]), { files: 2, bytes: WEIGHTS.length + 2, damaged: [] });
    await flip(await Deno.realPath(theirs(folder, "model.safetensors")));
    await Deno.remove(await Deno.realPath(theirs(folder, "config.json")));
    const { damaged } = await verifyCache(["owner/name"]);
    const found = damaged.map(({ path, found }) => [path, found.slice(0, 10)]).sort();
    const names = ["config.json", "model.safetensors", "tokenizer.json"];
    const wanted = names.map((name, i) => [theirs(folder, name), i === 1 ? "its hash i" : "it is miss"]);
    assert.deepEqual(found, wanted);
  }));

Deno.test("a snapshot with links that lead nowhere is not complete", async () => {
  for (const file of ["tokenizer.json", "config.json", "model.safetensors"]) {
    await withHub(MODEL, async (_, folder) => {
      await layOut(join(folder, "huggingface"), { ...MODEL, "tokenizer_config.json": pattern(2) });
      await Deno.remove(theirs(folder, file));
      await Deno.symlink("../../blobs/none", theirs(folder, file), { type: "file" });
      using model = closed(await openModel("owner/name"));
      assert.equal((await model.open(file)).path, ours(folder, file));
    });
  }
});

/** A package as pip unpacks it, from a folder `files` beside the fake pip, with the list of its files. */
const INSTALL = `#!/bin/sh
echo run >> "$(dirname "$0")/../calls"
while [ "$1" != "--target" ]; do shift; done
mkdir -p "$2" && cp -r "$(dirname "$0")"/../files/. "$2"`;

const WANTED = {
  ...{ package: "rows", version: "1.0", size: 900, sha256: "0".repeat(64), path: "rows", licence: "MIT" },
};

const withPackage = (test: (folder: string, calls: () => Promise<number>) => Promise<void>) =>
  withCache(async (folder) => {
    await writePackage(join(folder, "files"), "rows-1.0", {
      "rows/a.arrow": WEIGHTS,
      "rows/b, c.json": WEIGHTS,
    });
    await Deno.mkdir(join(folder, "bin"));
    await Deno.writeTextFile(join(folder, "bin/python3"), INSTALL, { mode: 0o755 });
    Deno.env.set("PATH", `${join(folder, "bin")}:${Deno.env.get("PATH")}`);
    await test(folder, async () => (await Deno.readTextFile(join(folder, "calls"))).split("\n").length - 1);
  });

Deno.test("a damaged, a truncated and a missing file of a package: it is fetched again, once", () =>
  withPackage(async (_, calls) => {
    const found = await packageFolder(WANTED);
    assert.equal(await packageFolder(WANTED), found);
    assert.equal(await calls(), 1);
    assert.equal((await verifyCache(["rows-1.0"])).files, 3);
    const file = join(found, "b, c.json");
    let fetched = 1;
    const damages = [
      () => Deno.truncate(file, 100),
      () => Deno.remove(file),
      () => Deno.writeFile(file, WEIGHTS.slice().fill(1)),
      () => Deno.remove(found, { recursive: true }),
      async () => {
        await flip(file);
        assert.equal((await verifyCache([])).damaged.length, 1);
      },
    ];
    for (const damage of damages) {
      await damage();
      const notices: string[] = [];
      await packageFolder(WANTED, { onNotice: (line) => notices.push(line) });
      assert.match(notices[0], /^rows-1\.0: damaged in the cache \(.*\), fetching it again$/);
      assert.deepEqual(await Deno.readFile(file), WEIGHTS);
      assert.equal(await calls(), ++fetched);
    }
  }));

Deno.test("a file of rows is compared each time it is asked for: one flipped bit, and it is fetched again", () =>
  withPackage(async (folder, calls) => {
    const notices: string[] = [];
    const file = await packageFiles(WANTED, { onNotice: (line) => notices.push(line) });
    const path = await file("a.arrow");
    for (let fetched = 2; fetched < 4; fetched++) {
      notices.length = 0;
      await flip(path);
      assert.equal(await file("a.arrow"), path);
      assert.match(
        notices[0],
        /^rows-1\.0: damaged in the cache \(.*rows\/a\.arrow: its hash is \w+, expected/,
      );
      assert.deepEqual(await Deno.readFile(path), WEIGHTS);
      assert.equal(await calls(), fetched);
    }
    await flip(path);
    await Deno.writeTextFile(join(folder, "bin/python3"), "#!/bin/sh\necho Connection refused >&2; exit 1");
    await assert.rejects(
      file("a.arrow"),
      /^Error: Cannot use rows-1\.0: damaged in the cache \(.*a\.arrow: its hash is .*, and it cannot be fetched again: Cannot fetch/,
    );
  }));

Deno.test("a data set's file that is to be compared again is, and is fetched again", () =>
  withHub(async (hub) => {
    hub.files.set("rows.json", WEIGHTS);
    const path = await datasetFile("owner/name", "rows.json");
    await datasetFile("owner/name", "rows.json");
    await flip(path);
    assert.notDeepEqual(await Deno.readFile(await datasetFile("owner/name", "rows.json")), WEIGHTS);
    assert.equal(await datasetFile("owner/name", "rows.json", { again: true }), path);
    assert.deepEqual(await Deno.readFile(path), WEIGHTS);
  }));

Deno.test("a package that arrives damaged is fetched once, and the error says what it was", () =>
  withPackage(async (folder, calls) => {
    await Deno.truncate(join(folder, "files/rows/a.arrow"), 10);
    const damaged =
      /Cannot use rows-1\.0: damaged right after it was fetched \(.*rows\/a\.arrow: its hash is/;
    await assert.rejects(packageFolder(WANTED), damaged);
    assert.equal(await calls(), 1);
    const list = join(folder, "files/rows-1.0.dist-info/RECORD");
    await Deno.writeTextFile(list, `../../x,sha256=${"A".repeat(43)},1`);
    await packageFolder(WANTED); // what lies outside is nothing of ours
  }));
