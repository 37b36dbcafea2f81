/** No number moves without its method: results of tiny models are those that stand beside the method's number. */
import assert from "node:assert/strict";
import { METHODS, resultText } from "../../src/result/mod.ts";
import { type Golden, goldenFile, makeGoldens, movedNumber, numbersOf, WITHOUT_NUMBERS } from "./golden.ts";

const goldens: Record<string, Golden> = JSON.parse(await Deno.readTextFile(goldenFile));
const AGAIN = "then: deno run -A tests/fixtures/make_results.ts";

Deno.test("every kind that has numbers has golden ones, of its method now and of its form", () => {
  assert.deepEqual(
    new Set(Object.values(goldens).map(({ kind }) => kind)),
    new Set(
      Object.keys(METHODS).filter((kind) => !(WITHOUT_NUMBERS as readonly string[]).includes(kind)),
    ),
  );
  for (const golden of Object.values(goldens)) {
    assert.equal(golden.method, METHODS[golden.kind], `${golden.kind} is of another method; ${AGAIN}`);
    assert.equal(resultText(golden), JSON.stringify(golden) + "\n");
    assert.ok(numbersOf(golden).size > 2, golden.kind);
  }
});

Deno.test("the numbers of every kind are the golden ones", async () => {
  const results: Record<string, Golden> = await makeGoldens();
  for (const [name, golden] of Object.entries(goldens)) {
    const moved = movedNumber(golden, results[name]);
    const hint = `where a formula changed, raise the method of "${golden.kind}" in src/result/forms`;
    const list = "where a default list grew, name its old entries in tests/study/golden.ts";
    assert.equal(moved, null, `${moved}: ${hint}, ${AGAIN}; ${list}`);
  }
});

Deno.test("a number that moved by a thousandth, came or went is found in every kind, and named", () => {
  for (const golden of Object.values(goldens)) {
    const places = [...numbersOf(golden)].filter(([place, value]) =>
      value !== null && !place.includes(".data.")
    );
    const [place, value] = places[Math.floor(places.length / 2)];
    for (
      const [other, said] of [[value! * 1.001 + 0.001, /^.* was [\d.e-]+ and is /], [
        null,
        /and is null$/,
      ]] as const
    ) {
      const changed = structuredClone(golden) as unknown as Record<string, never>;
      const path = place.split(".").slice(1);
      const parent = path.slice(0, -1).reduce((at, key) => at[key], changed);
      parent[path.at(-1)!] = other as never;
      const moved = movedNumber(golden, changed as unknown as Golden) ?? "";
      assert.ok(moved.startsWith(`${place} was ${value} `), `${golden.kind}: ${moved}`);
      assert.match(moved, said);
    }
    assert.equal(movedNumber(golden, golden), null);
    const text = JSON.stringify(golden);
    const moved = text.replace(/"data":"..../, '"data":"AAAA');
    if (moved !== text) assert.match(movedNumber(golden, JSON.parse(moved))!, /\.data\.0 was /);
  }
});
