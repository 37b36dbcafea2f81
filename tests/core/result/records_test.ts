/** What a command found kept, and what it made and kept: by file name, for as long as the command runs. */
import assert from "node:assert/strict";
import { basename } from "node:path";
import { asOne, isEarlier, keep, keepAs, keepingFailure, recordKept, resultText } from "core/result/mod.ts";
import { isKept, keptOf, keptResult, resultIn, resultPath } from "core/result/keeping/kept.ts";
import { profileKind } from "features/profile/mod.ts";
import { withFolder } from "../../support.ts";
import { profile, provenance } from "./samples.ts";

const one = profile();
const other = { ...one, provenance: { ...one.provenance, seed: 7 } };
const nameOf = ({ provenance }: typeof one) => basename(resultPath("", profileKind, provenance));
async function run(result: typeof one, results: string) {
  const kept = await keptResult(profileKind, result.provenance, { results });
  return {
    kept: kept !== null && isEarlier(kept),
    result: kept ?? await keep(profileKind, result, { results }),
  };
}

Deno.test("a record has what was found and what was made; a result made and then found again was made", () =>
  withFolder(async (results) => {
    await keep(profileKind, one, { results });
    const record = await recordKept(async () => {
      assert.equal((await run(one, results)).kept, true);
      assert.equal((await run(other, results)).kept, false);
      assert.equal((await run(other, results)).kept, false, "made by this command");
      await keep(profileKind, one, { results });
      assert.equal(isEarlier(one), false);
    });
    assert.deepEqual([...record], [[nameOf(one), "made"], [nameOf(other), "made"]]);
    const again = await recordKept(async () => void await run(other, results));
    assert.deepEqual([...again], [[nameOf(other), "found"]]);
  }));

Deno.test("calls inside a command share its record; calls one after another do not", () =>
  withFolder(async (results) => {
    const kept = async () => (await run(one, results)).kept;
    assert.deepEqual(await asOne(async () => [await asOne(kept), await asOne(kept)]), [false, false]);
    assert.deepEqual(await asOne(kept), true);
    assert.equal(await kept(), true, "outside, what is there was there before");
    const inside = await recordKept(async () => assert.equal(await asOne(() => Promise.resolve(3)), 3));
    assert.equal(inside.size, 0);
  }));

Deno.test("work that goes on behind the end of a command records nothing, and begins a command of its own", () =>
  withFolder(async (results) => {
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    let late: Promise<unknown[]> | undefined;
    const record = await recordKept(async () => {
      late = ended.then(async () => [await run(one, results), await asOne(() => run(other, results))]);
      await Promise.resolve();
    });
    end();
    const [first, second] = await late! as Awaited<ReturnType<typeof run>>[];
    assert.deepEqual([first.kept, second.kept, record.size], [false, false, 0]);
    await recordKept(async () => {
      await keep(profileKind, one, { results });
      throw new Error("stopped");
    }).catch(() => {});
    assert.equal(isEarlier(one), true);
  }));

Deno.test("without a folder, a command remembers what it made until its end", async () => {
  const find = () => keptResult(profileKind, one.provenance, {});
  const record = await recordKept(async () => {
    assert.equal(await find(), null);
    await keep(profileKind, one, {});
    assert.deepEqual(await find(), one);
    assert.equal(isEarlier(one), false);
  });
  assert.deepEqual([[...record], await find()], [[[nameOf(one), "made"]], null]);
});

Deno.test("a result that could not be written is not recorded", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "taken");
    const record = await recordKept(async () => void await run(one, `${folder}/file`));
    assert.equal(record.size, 0);
  }));

Deno.test("a result that a function changed is given and not kept", () =>
  withFolder(async (results) => {
    const changed = {
      ...one,
      provenance: provenance(2, { ...one.provenance, changed: { values: ["x"], layers: [0] } }),
    };
    assert.deepEqual((await run(changed, results)).result, changed);
    assert.deepEqual([...Deno.readDirSync(results)], []);
    assert.deepEqual(await keep(profileKind, one, {}), one);
    assert.equal(keepingFailure(results), null);
  }));

Deno.test("a result is written under a readable name too, where results are kept", () =>
  withFolder(async (results) => {
    await keepAs("readable", one, {});
    await keepAs("readable", one, { results });
    assert.deepEqual([...Deno.readDirSync(results)].map(({ name }) => name), ["readable.json"]);
    assert.equal(await Deno.readTextFile(`${results}/readable.json`), resultText(one));
  }));

Deno.test("names have the model's first 100 letters; all results of a model are found in the order of their names", () =>
  withFolder(async (results) => {
    const named = (name: string) => ({
      ...one,
      provenance: { ...one.provenance, model: { ...one.provenance.model, name } },
    });
    const letters = "abcdefghij".repeat(11);
    assert.equal(
      nameOf(named(letters)).replace(/-[0-9a-f]{16}\.json$/, ""),
      `profile-${letters.slice(0, 100)}`,
    );
    assert.deepEqual(await keptOf(profileKind, "tiny", `${results}/none`), []);
    const own = [0, 1, 2, 3, 4, 5].map((seed) => ({ ...one, provenance: { ...one.provenance, seed } }));
    for (const result of [...own, named("tiny2"), named("other")]) {
      await keep(profileKind, result, { results });
    }
    await Deno.writeTextFile(`${results}/profile-tiny-0.json`, "{}");
    const found = (await keptOf(profileKind, "tiny", results)).map(nameOf);
    assert.deepEqual(found, own.map(nameOf).sort());
  }));

Deno.test("a kept file is there as it was written, and is read by its name", () =>
  withFolder(async (results) => {
    await keep(profileKind, one, { results });
    const [name, path] = [nameOf(one), `${results}/${nameOf(one)}`];
    assert.equal(await isKept(results, name), true);
    assert.deepEqual(await resultIn(results, name, profileKind), one);
    const text = await Deno.readTextFile(path);
    const [, checksum] = text.match(/,"checksum":"([0-9a-f]{64})"\}\n$/)!;
    assert.ok(checksum);
    for (const damaged of [text.trimEnd(), text.replace(checksum, checksum.toUpperCase()), resultText(one)]) {
      await Deno.writeTextFile(path, damaged);
      assert.equal(await isKept(results, name), false);
      assert.equal(await keptResult(profileKind, one.provenance, { results }), null);
    }
    await assert.rejects(
      resultIn(results, "none.json", profileKind),
      /^Error: Cannot read .*none\.json: it is no file/,
    );
  }));
