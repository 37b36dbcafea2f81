/**
 * Importance and drop orders are those of the paper's official code where no norm follows a module: its hooks in Hugging Face's model
 * (`fixtures/make_llm_drop.py`) see the stream and the update then. With such norms (Gemma) they see something else, which stays apart.
 */
import assert from "node:assert/strict";
import { distance, gramSums, stateTolerance, withFixture } from "../../model.ts";
import { readJson } from "../../fixtures/read.ts";

const expected: Record<string, Record<"attention" | "mlp", number[]>> = await readJson(
  "tests/fixtures/llm_drop.json",
);

/** Layers, the most redundant first. */
const ordered = (importance: readonly number[]) =>
  [...importance.keys()].sort((a, b) => importance[a] - importance[b]);

for (const [name, official] of Object.entries(expected)) {
  Deno.test(`${name}: importance and order beside the official code's`, () =>
    withFixture(name, async ({ model, blocks }) => {
      const sums = await gramSums(model, blocks);
      // A mean of n cosines is off by at most the states' relative errors together, over √n.
      const tolerance = 2 * stateTolerance(model.spec) / Math.sqrt(blocks.ids.length);
      for (const kind of ["attention", "mlp"] as const) {
        const own = sums.map((layer) => {
          const of = (name: "distance" | "counted") => layer[kind]!.reduce((sum, own) => sum + own[name], 0);
          return of("distance") / of("counted");
        });
        const apart = distance(own, official[kind]);
        assert.equal(apart <= tolerance, name === "llama", `${kind}: ${apart} apart`);
        if (name === "llama") assert.deepEqual(ordered(own), ordered(official[kind]));
      }
    }));
}
