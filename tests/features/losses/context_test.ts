/**
 * The losses of layers whose values know only the token, beside PyTorch's in float64 (fixtures/make_context.py). A logit is off by
 * `stateTolerance` of the largest one at most, a loss by twice as much, and a rise by twice that.
 */
import assert from "node:assert/strict";
import { interval95, mean, standardError } from "core/measure/mod.ts";
import { type ContextOptions, VALUE_SOURCES, type ValueSource, withoutContext } from "features/losses/mod.ts";
import { withTiny } from "../../core/study/tiny.ts";
import { readJson } from "../../fixtures/read.ts";
import { stateTolerance } from "../../model.ts";
import { near, refuses } from "../../support.ts";

interface Expected {
  readonly joint: number[];
  readonly models: Readonly<
    Record<string, {
      readonly read: number[][];
      readonly ids: number[][];
      readonly largest: number;
      readonly nll: { readonly full: number[] } & Readonly<Record<ValueSource, number[][]>>;
    }>
  >;
}
const { joint, models }: Expected = await readJson("tests/fixtures/context.json");

for (const [name, { read, ids, largest, nll }] of Object.entries(models)) {
  Deno.test(`${name}: values without context raise the loss as PyTorch's in float64`, () =>
    withTiny(async ({ model, folder }) => {
      const [text, calibration] = ["ids", "read"].map((name) => `${folder}/${name}.json`);
      await Deno.writeTextFile(text, JSON.stringify(ids));
      await Deno.writeTextFile(calibration, JSON.stringify(read));
      const sizes = { samples: ids.length, length: ids[0].length };
      const options = {
        engine: "cpu",
        text,
        ...sizes,
        calibration: { text: calibration, ...sizes },
      } as const;
      const { rises: alone } = await withoutContext(model, options);
      const { rises: together } = await withoutContext(model, { ...options, layers: [joint] });
      const { rises: kept, seen } = await withoutContext(model, { ...options, layers: [joint], keep: 1 });
      const others = ids.flatMap((own) => own.slice(1));
      const known = others.filter((id) => read.some((own) => own.indexOf(id, 1) > 0));
      assert.equal(seen, known.length / others.length);
      const most = 4 * stateTolerance(model.spec) * largest;
      const order = VALUE_SOURCES.flatMap((from) => model.spec.layers.map((_, l) => [from, l]));
      assert.deepEqual(alone.map(({ from, layers }) => [from, ...layers]), order);
      for (const own of [...alone, ...together, ...kept]) {
        const { from, layers: [layer], rise, low, high } = own;
        const row = kept.includes(own) ? -1 : together.includes(own) ? -2 : layer;
        const rises = nll[from].at(row)!.map((loss, s) => loss - nll.full[s]);
        const what = `${from}, row ${row}`;
        near(rise, mean(rises), most, what);
        const ends = interval95(mean(rises), standardError(rises), rises.length);
        // The half width is t ≤ 3.2 standard errors, which move by at most the errors of the rises.
        [low, high].forEach((end, i) => near(end!, ends[i], 5 * most, what));
      }
      await refuses(
        "RangeError: Cannot measure values without context: ",
        (some: ContextOptions) => withoutContext(model, { ...options, ...some }),
        [
          [{ layers: [[0], [99]] }, /: layer 99 of .* has no values$/],
          [{ keep: 16 }, "keep is 16, expected at most 15"],
        ],
      );
    }, name));
}
