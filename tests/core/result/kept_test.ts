/** The key that results are kept under, and that they are found again by what it depends on alone; a folder that cannot be written loses none. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { basename } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  cacheKey,
  head,
  keep,
  keepAs,
  type Keeping,
  keepingFailure,
  keptResult,
  type Provenance,
  resultText,
} from "core/result/mod.ts";
import { checkpointOrigin, type Checkpoints, checkpointsKind } from "features/training/mod.ts";
import { perplexityKind } from "features/losses/mod.ts";
import { type Profile, profileKind } from "features/profile/mod.ts";
import { isKept, keptOf, resultPath } from "core/result/keeping/kept.ts";
import { kept } from "../study/tiny.ts";
import { heard, withFolder } from "../../support.ts";
import { onUnix, printed } from "../../tools.ts";
import { perplexity, profile, profiles, provenance, reordered } from "./samples.ts";
import { readResult } from "features/by_name.ts";

/** The kept result of an origin, or what is computed, and whether it was kept. */
async function keptOr(origin: Provenance, compute: () => Promise<Profile>, keeping: Keeping) {
  const kept = await keptResult(profileKind, origin, keeping);
  return { kept: kept !== null, result: kept ?? await keep(profileKind, await compute(), keeping) };
}

/** A kept file with another text before its checksum, which is made anew. */
function sealed(file: string, change: (text: string) => string): string {
  const text = change(file.slice(0, file.lastIndexOf(',"checksum"')));
  assert.ok(!file.startsWith(text));
  return `${text},"checksum":"${createHash("sha256").update(text).digest("hex")}"}\n`;
}

Deno.test("a kept result is found by its provenance alone; one that cannot be read, or is of another method, counts as absent", () =>
  withFolder(async (results) => {
    const result = profile();
    const find = (origin = result.provenance) => keptResult(profileKind, origin, { results });
    assert.equal(await find(), null);
    await keep(profileKind, result, { results });
    assert.deepEqual(await find(), result);
    assert.equal(await find({ ...result.provenance, seed: 1 }), null);
    assert.equal(await keptResult(perplexityKind, result.provenance, { results }), null);
    assert.equal(await keptResult(profileKind, result.provenance, {}), null);
    const path = resultPath(results, profileKind, result.provenance);
    const text = await Deno.readTextFile(path);
    const changed = text.replace(/(?<="sums".*?[1-9])\d(?=[,\]}])/, (digit) => `${9 - Number(digit)}`);
    const other = sealed(text, (text) => text.replace(/"method":\d+/, '"method":0'));
    for (const damaged of [changed, other, "{"]) {
      assert.notEqual(damaged, text);
      await Deno.writeTextFile(path, damaged);
      assert.equal(await find(), null);
    }
  }));

Deno.test("a file is not trusted by its name: another result under it counts as absent, and is replaced", () =>
  withFolder(async (results) => {
    const [mine, other] = [profile(), profile()];
    const asked = { ...mine.provenance, seed: 7 };
    const path = resultPath(results, profileKind, asked);
    await Deno.writeTextFile(path, resultText(other));
    assert.equal(await keptResult(profileKind, asked, { results }), null);
    const right = { ...mine, provenance: asked };
    const computed = await keptOr(asked, () => Promise.resolve(right), { results });
    assert.deepEqual(computed, { result: right, kept: false });
    assert.deepEqual(await readResult(path, "profile"), right);
  }));

onUnix(
  "a pipe under a result's name is not waited for: it counts as absent, and the result is given all the same",
  () =>
    withFolder(async (results) => {
      const [result, { notices, onNotice }] = [profile(), heard()];
      const path = resultPath(results, profileKind, result.provenance);
      await printed("mkfifo", [path]);
      const compute = () => Promise.resolve(result);
      const { kept } = await keptOr(result.provenance, compute, { results, onNotice });
      assert.equal(kept, false);
      assert.match(notices.join("\n"), /^results are not kept: Cannot write .*: it is no file, expected one/);
      assert.deepEqual(await keptOf(profileKind, result.provenance.model.name, results), []);
      assert.equal(await isKept(results, basename(path)), false);
      assert.ok((await Deno.lstat(path)).isFifo);
    }),
);

Deno.test("a kept profile without the numbers that profiles have now is computed again", () =>
  withFolder(async (results) => {
    const result = profile();
    await keep(profileKind, result, { results });
    const path = resultPath(results, profileKind, result.provenance);
    const text = await Deno.readTextFile(path);
    const without = (text: string) =>
      text.replaceAll(/"(largest|above2)":[^,}]+,?/g, "").replaceAll(",}", "}");
    await Deno.writeTextFile(path, sealed(text, without));
    const { notices, onNotice } = heard();
    const compute = () => Promise.resolve(result);
    const again = await keptOr(result.provenance, compute, { results, onNotice });
    assert.deepEqual(again, { result, kept: false });
    const said = /^computing a kept result again: Cannot read \S+: at sums\.attention\[0\]\[0\]\.largest: /;
    assert.match(notices.join(), said);
    assert.deepEqual(await keptResult(profileKind, result.provenance, { results }), result);
  }));

Deno.test("a checkpoint is found by what is known before its weights are read, the step and the quality's text too", () =>
  withFolder(async (results) => {
    const entry = { ...profile(), step: 8, quality: null };
    const one: Checkpoints = { ...head(checkpointsKind), name: "run", series: [entry] };
    const origin = checkpointOrigin(entry);
    assert.equal(origin.model.format, "");
    await keep(checkpointsKind, one, { results });
    assert.deepEqual(await keptResult(checkpointsKind, origin, { results }), one);
    for (const other of [{ ...origin, step: 9 }, { ...origin, quality: "h" }]) {
      const [from, to] = [origin, other].map((one) => resultPath(results, checkpointsKind, one));
      await Deno.copyFile(from, to);
      assert.equal(await keptResult(checkpointsKind, other, { results }), null);
    }
  }));

Deno.test("a computed result is what will be found: the same values, and the same bytes in whatever order it was made", () =>
  fc.assert(
    fc.asyncProperty(profiles, (profile) =>
      withFolder(async (results) => {
        const made = reordered(profile) as Profile;
        made.sums.attention[0]![0].sign = -0; // JSON has no −0
        let computed = 0;
        const compute = () => Promise.resolve((computed++, made));
        const run = () => keptOr(profile.provenance, compute, { results });
        const [{ result, kept: before }, second] = [await run(), await run()];
        assert.deepEqual([computed, before, second.kept], [1, false, true]);
        assert.deepEqual(second.result, result);
        assert.equal(resultText(result), resultText(made));
        assert.equal(JSON.stringify(second.result), JSON.stringify(result));
      })),
    { numRuns: 20 },
  ));

/** Folders that cannot be: below a file, on what no file can be made in, of a name that is too long. */
const impossible: [what: string, make: (folder: string) => string][] = [
  ["below a file", (folder) => `${folder}/file/results`],
  ["a file", (folder) => `${folder}/file`],
  ["a name that is too long", (folder) => `${folder}/${"long".repeat(100)}`],
];
for (const [what, make] of impossible) {
  Deno.test(`where the folder is ${what}, results are given all the same, with one notice`, () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "taken");
      const { notices, onNotice } = heard();
      const keeping = { results: make(folder), onNotice };
      const [one, two] = [profile(), perplexity()];
      const given = await keptOr(one.provenance, () => Promise.resolve(one), keeping);
      assert.deepEqual(given, { result: one, kept: false });
      assert.deepEqual(await keep(perplexityKind, two, keeping), two);
      await keepAs("again", one, keeping);
      assert.match(`${keepingFailure(keeping.results)}`, /^Error: Cannot write /);
      assert.equal(notices.length, 1, notices.join("\n"));
      assert.match(notices[0], /^results are not kept: Cannot write .*; choose another folder for them$/);
      assert.deepEqual(kept(folder), ["file"]);
      assert.equal(await Deno.readTextFile(`${folder}/file`), "taken");
    }));
}

Deno.test("what is not of its form is neither kept nor given", () =>
  withFolder(async (results) => {
    const result = { ...perplexity(), kl: NaN };
    const failing = () => keep(perplexityKind, result, { results });
    await assert.rejects(failing, { name: "TypeError", message: /^Cannot write perplexity: at kl: .*NaN/ });
    assert.deepEqual(kept(results), []);
  }));

Deno.test("a model's name cannot lead out of the folder, nor be too long for it; the key keeps long ones apart", () =>
  withFolder(async (results) => {
    const named = (name: string) => provenance(2, { model: { ...provenance().model, name } });
    assert.match(resultPath("kept", profileKind, named("../../a b/c")), /^kept\/profile-[\w.-]+\.json$/);
    for (const end of ["a", "b"]) {
      const origin = named("long".repeat(100) + end);
      await keep(profileKind, { ...profile(), provenance: origin }, { results });
      assert.equal((await keptResult(profileKind, origin, { results }))!.provenance.model.name.at(-1), end);
    }
    assert.equal(kept(results).length, 2);
  }));

Deno.test("the cache key does not depend on the order of keys", () => {
  fc.assert(fc.property(fc.jsonValue(), (value) => {
    assert.equal(cacheKey("profile", reordered(value)), cacheKey("profile", value));
  }));
});

Deno.test("different values have different cache keys, and so have different kinds", () => {
  const key = (value: unknown) => cacheKey("profile", value);
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)); // JSON has no −0
  fc.assert(fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
    fc.pre(!isDeepStrictEqual(plain(a), plain(b)));
    assert.notEqual(key(a), key(b));
  }));
  const lists = [[], [0], [[0]], [0, 1], [1, 0], [0, [1]]];
  const objects = [{}, { 0: 0 }, { a: { b: 1 } }, { "a.b": 1 }, { a: [{ b: 1 }] }, { a: 1, b: 2 }, {
    a: 2,
    b: 1,
  }];
  const alike = [...lists, ...objects, { a: null }, { a: "" }, null, "null", 0, "0", false, "[0,1]", ""];
  assert.equal(new Set(alike.map(key)).size, alike.length);
  assert.notEqual(cacheKey("profile", 1), cacheKey("perplexity", 1));
  assert.match(cacheKey("profile", 1), /^[0-9a-f]{16}$/);
});

Deno.test("every field of the provenance is part of the cache key", () => {
  const original = provenance();
  const base = cacheKey("profile", original);
  const leaves = (value: unknown, path: string[]): string[][] =>
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
      : [path];
  const paths = leaves(original, []);
  assert.ok(paths.length >= 20);
  for (const path of paths) {
    const changed = structuredClone(original) as unknown as Record<string, unknown>;
    const parent = path.slice(0, -1).reduce((at, key) => at[key] as Record<string, unknown>, changed);
    parent[path.at(-1)!] = "changed";
    assert.notEqual(cacheKey("profile", changed), base, path.join("."));
  }
});

Deno.test("a device is part of the key where there is one; without, the key is that of before there were any", () => {
  const { device: _, ...bare } = provenance();
  assert.equal(cacheKey("profile", bare), "d6b836eb5c02b0fd");
  assert.equal(cacheKey("profile", { ...bare, device: undefined }), cacheKey("profile", bare));
  const on = (device: string) => cacheKey("profile", { ...bare, engine: "cuda", device });
  assert.notEqual(on("NVIDIA H100"), on("NVIDIA L4"));
});

Deno.test("a number that JSON has not is no part of a key", () => {
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.throws(() => cacheKey("profile", { std: value }), /^RangeError: .*finite number/);
  }
});
