import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { bufferSource, openModel } from "../../src/hub/mod.ts";
import { modelFiles } from "../../src/hub/files.ts";
import { pattern, withCache } from "./fake_hub.ts";

Deno.test("a .gguf file and a folder need no network", async () => {
  await withCache(async (folder) => {
    const bytes = pattern(1000);
    await Deno.writeFile(join(folder, "m.gguf"), bytes);
    const file = await openModel(join(folder, "m.gguf"));
    assert.deepEqual([file.name, file.kind, file.revision, file.list()], ["m.gguf", "gguf", null, [
      "m.gguf",
    ]]);
    assert.equal(await file.fingerprint(), `sha256:${createHash("sha256").update(bytes).digest("hex")}`);

    const model = join(folder, "model");
    await Deno.mkdir(join(model, "sub"), { recursive: true });
    for (const name of ["model.safetensors", "config.json", ".hidden"]) {
      await Deno.writeFile(join(model, name), bytes);
    }
    const opened = await openModel(model + "/");
    assert.deepEqual([opened.name, opened.kind, opened.list()], ["model", "folder", [
      "config.json",
      "model.safetensors",
    ]]);
    const source = await opened.open("config.json");
    opened.close();
    await assert.rejects(source.read(0, 1), /closed/);

    const before = await opened.fingerprint();
    await Deno.writeFile(join(model, "README.md"), bytes);
    assert.equal(await (await openModel(model)).fingerprint(), before);
    await Deno.writeFile(join(model, "config.json"), pattern(10));
    assert.notEqual(await (await openModel(model)).fingerprint(), before);
  });
});

Deno.test("what is no model is an error that says what a MODEL may be", async () => {
  await withCache(async (folder) => {
    await Deno.writeTextFile(join(folder, "x.txt"), "");
    await Deno.mkdir(join(folder, "empty"));
    await Deno.mkdir(join(folder, "bare"));
    await Deno.writeTextFile(join(folder, "bare", "config.json"), "{}");
    await Deno.symlink("loop", join(folder, "loop"));
    const cases: [string, RegExp][] = [
      [join(folder, "x.txt"), /found another kind of file, expected a folder or a \.gguf file/],
      [join(folder, "none.gguf"), /none\.gguf: no such file or folder, expected a folder/],
      ["./none", /no such file or folder/],
      [`./${"x".repeat(300)}`, /no such file or folder/],
      [join(folder, "loop"), /loop: too many links in a row$/],
      [join(folder, "empty"), /it has no weights, expected \*\.safetensors or a \*\.gguf file$/],
      [join(folder, "bare"), /it has no weights, expected \*\.safetensors/],
      [
        "smolm2-135m",
        /unknown name \(did you mean smollm2-135m\?\), expected a folder.*owner\/name\[@revision\].*gemma-3-270m/,
      ],
      ["gemma", /did you mean gemma-3-270m-q4_k_m or gemma-3-270m\?/],
      ["zzzzzzzz", /unknown name, expected/],
      ["", /unknown name, expected/],
      ["a/b/c", /unknown name/],
      ["owner/name@../../x", /unknown name/],
      ["../..@x", /no such file or folder/],
    ];
    for (const [ref, message] of cases) {
      await assert.rejects(
        openModel(ref),
        (error: Error) => error.message.startsWith(`Cannot open ${ref}: `) && message.test(error.message),
        ref,
      );
    }
  });
});

Deno.test("beyond 1 GiB the fingerprint reads the header only, and hears of size, time and header", async () => {
  let read = 0;
  const print = (size: number, mtime: number, first: number) => {
    const weights = { name: "a.gguf", size, mtime, open: () => Promise.resolve(source) };
    const source = {
      ...bufferSource("a.gguf", new Uint8Array(0)),
      // deno-lint-ignore require-await
      async read(start: number, end: number) {
        read += end - start;
        return new Uint8Array(end - start).fill(first);
      },
    };
    return modelFiles({ name: "a", revision: null, kind: "gguf" }, [weights]).fingerprint();
  };
  const base = await print(2 ** 31, 5, 0);
  assert.match(base, /^quick:[0-9a-f]{64}$/);
  assert.equal(read, 2 ** 20);
  assert.equal(await print(2 ** 31, 5, 0), base);
  for (const other of [[2 ** 31 + 1, 5, 0], [2 ** 31, 6, 0], [2 ** 31, 5, 1]]) {
    assert.notEqual(await print(other[0], other[1], other[2]), base);
  }
});
