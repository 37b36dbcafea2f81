import assert from "node:assert/strict";
import { join } from "node:path";
import { bufferSource } from "../../buffer.ts";
import { fileSource, readText } from "core/hub/mod.ts";
import { pattern } from "./fake_hub.ts";
import { refuses, withFolder } from "../../support.ts";

const withFile = (bytes: Uint8Array, test: (path: string) => Promise<void>) =>
  withFolder(async (folder) => {
    await Deno.writeFile(join(folder, "x.bin"), bytes);
    await test(join(folder, "x.bin"));
  });

Deno.test("a file gives any range of itself, also when reads overlap in time", async () => {
  const bytes = pattern(300_000);
  await withFile(bytes, async (path) => {
    const source = await fileSource(path);
    assert.equal(source.size, bytes.length);
    assert.equal(source.path, path);
    const starts = Array.from({ length: 50 }, (_, i) => (i * 7919) % 250_000);
    const parts = await Promise.all(starts.map((start) => source.read(start, start + 1000)));
    for (const [i, start] of starts.entries()) assert.deepEqual(parts[i], bytes.slice(start, start + 1000));
    assert.equal((await source.read(300_000, 300_000)).length, 0);
    source.close();
    source.close();
  });
});

Deno.test("a range outside, backwards or fractional is a RangeError that names the file", () =>
  withFile(pattern(10), async (path) => {
    const file = await fileSource(path);
    const ranges = [[0, 11], [-1, 2], [5, 4], [0.5, 2], [0, NaN], [0, 2 ** 60]];
    const read = ([start, end]: number[]) => file.read(start, end);
    await refuses("Cannot ", read, ranges.map((range) => [range, path]));
    file.close();
    await assert.rejects(file.read(0, 1), /closed/);
  }));

Deno.test("a file that shrinks under a reader is a RangeError, not zeros", () =>
  withFile(pattern(100), async (path) => {
    const source = await fileSource(path);
    await Deno.truncate(path, 50);
    await assert.rejects(source.read(40, 60), RangeError);
    source.close();
  }));

Deno.test("a missing path and a folder are errors that name the path", () =>
  withFile(pattern(1), async (path) => {
    await refuses("Error: Cannot open ", fileSource, [
      [`${path}x`, `${path}x: no such file or folder`],
      [join(path, ".."), "a folder, expected a file"],
    ]);
  }));

Deno.test("text is UTF-8 and of limited length", async () => {
  assert.equal(await readText(bufferSource("a", new TextEncoder().encode("größe")), 100), "größe");
  await assert.rejects(readText(bufferSource("a", new Uint8Array(11)), 10), RangeError);
  await assert.rejects(readText(bufferSource("a", Uint8Array.of(0xff)), 10), SyntaxError);
});
