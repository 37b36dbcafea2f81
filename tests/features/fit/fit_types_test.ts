/** A fit over types of blocks: its file is as small as it says, its costs are those of the plan, and a target is reached. */
import assert from "node:assert/strict";
import { exportModel } from "features/export/mod.ts";
import { planHash } from "core/measure/mod.ts";
import { columnImportance, segmentsOf } from "core/run/mod.ts";
import { engineOf } from "core/study/options.ts";
import { textOf } from "core/study/text.ts";
import { fit } from "features/fit/mod.ts";
import { paired, perplexities } from "features/losses/mod.ts";
import { typeLines } from "features/fit/types/lines.ts";
import { byRise, chosenBy, type Measured, together } from "features/fit/types/steps.ts";
import { type Choice, planOfChoices, type Unit, unitsOf } from "features/fit/types/units.ts";
import { withFolder } from "../../support.ts";
import { withTrained } from "../../core/study/tiny.ts";

const licence = "LICENSE";
const sizes = { length: 32, engine: "cpu" } as const;
const common = {
  ...sizes,
  text: licence,
  samples: 8,
  targets: ["types"],
  format: "gguf",
  time: false,
} as const;
const calibration = { text: licence, samples: 4, length: 32 };

Deno.test("a target of the file is reached by the cheapest of three orders, and the export has the bytes that were said", () =>
  withTrained("pre-ln", (model) =>
    withFolder(async (folder) => {
      const asked = { ...common, calibration, file: "45%", typesBy: ["rise", "rule", "uniform"] } as const;
      const { file, tried, answer, plan, rises } = await fit(model, asked);
      const own = tried[answer!];
      assert.ok(own.bytes! <= 0.45 * Math.min(file!.original, file!.whole), `${own.bytes}`);
      assert.deepEqual(new Set(tried.map(({ by }) => by)), new Set(["rise", "rule", "uniform"]));
      assert.ok(
        tried.some(({ exchanged, bytes }) => exchanged && bytes! <= own.bytes! * 1.01),
        "levels exchanged",
      );
      assert.equal(own.cost.value, Math.min(...tried.map(({ cost }) => cost.value)));
      const { sizes: { smaller } } = await exportModel(model, plan!, {
        format: "gguf",
        out: `${folder}/out`,
      });
      assert.equal(smaller, own.bytes);
      assert.deepEqual(
        new Set(rises!.map(({ module }) => module)),
        new Set(["embedding", "attention", "mlp"]),
      );
      assert.ok(rises!.every(({ saved }) => saved > 0));
    })));

Deno.test("a limit is kept by the confirmed costs, which are those of the plan; drops are steps beside types", () =>
  withTrained("pre-ln", async (model) => {
    const found = await fit(model, {
      ...common,
      calibration,
      perplexity: "20%",
      typesBy: ["rise", "uniform"],
    });
    const { plan, confirmed, answer, verdict } = found;
    const half = { ...sizes, text: licence, samples: 4, skip: 4 };
    const [full, typed] = await perplexities(model, [{}, plan!], half);
    const { cost } = confirmed.find(({ tried }) => tried === answer)!;
    const { rise, high } = paired(typed, full);
    assert.deepEqual([cost.value, cost.high], [rise, high]);
    assert.ok(Math.exp(cost.high) <= 1.2 && verdict.share! > 0.3, `${verdict.share}`);
    const [other] = found.beside ?? [];
    assert.ok(other, "fit found no plan of another order beside its answer, expected one that is no larger");
    const [held] = await perplexities(model, [other.drop], { ...sizes, text: licence, samples: 4, skip: 4 });
    assert.ok(other.bytes! <= found.tried[answer!].bytes! && other.by !== found.tried[answer!].by);
    const { rise: over, ...ends } = paired(held, typed);
    assert.deepEqual([other.cost.value, other.over], [paired(held, full).rise, {
      value: over,
      low: ends.low,
      high: ends.high,
    }]);
  }));

Deno.test("a line made anew goes by what each level costs inside the plan, over the unit as it is stored", () =>
  withTrained("pre-ln", async (model) => {
    const own = { ...sizes, text: licence, samples: 2 };
    const [text, all, options] = [textOf(model, own), await unitsOf(model), { engine: "cpu" } as const];
    const { units } = all;
    const { lines: [line], rises } = await typeLines(model, all, text, ["rise"], () => undefined, options);
    const segments = segmentsOf((await text.pack({})).blocks);
    const importance = await columnImportance({ model, engine: await engineOf(options), segments });
    const placeOf = ({ place }: Unit) =>
      "layer" in place ? `${place.module} ${place.layer}` : "table" in place && `${place.table} null`;
    const levels = units.map((unit) =>
      rises.filter(({ module, layer }) => `${module} ${layer}` === placeOf(unit)).map(({ types }) =>
        unit.levels.find((level) => JSON.stringify(level.types) === JSON.stringify(types))!
      )
    );
    const measuredIn = async (inside: readonly Choice[]): Promise<Measured[][]> => {
      const plans = units.flatMap((unit, u) => {
        const rest = inside.filter((one) => one.unit !== unit);
        return [rest, ...levels[u].map((level) => [...rest, { unit, level }])];
      });
      const runs = await perplexities(model, plans.map((own) => planOfChoices(own, importance)), own);
      return units.map((_, u) => {
        const [stored, ...each] = runs.splice(0, 1 + levels[u].length);
        return each.map((run, l) => ({ level: levels[u][l], rise: paired(run, stored).rise }));
      });
    };
    const before = together(units, byRise(units, await measuredIn([])), 0.01);
    const inside = chosenBy(before, 12);
    assert.equal(planHash(line.planOf(12)), planHash(planOfChoices(inside, importance)));
    const after = together(units, byRise(units, await measuredIn(inside)), 0.0025);
    const anew = await line.again!(12, options);
    assert.equal(anew.most, after.length);
    const plansOf = (planOf: (count: number) => Parameters<typeof planHash>[0]) =>
      after.map((_, k) => planHash(planOf(k + 1)));
    const expected = plansOf((count) => planOfChoices(chosenBy(after, count), importance));
    assert.deepEqual(plansOf(anew.planOf), expected);
    const alone = together(units, before.flatMap((step) => step.map((one) => [one])), 0.0025);
    assert.notDeepEqual(
      alone.map((_, k) => planHash(planOfChoices(chosenBy(alone, k + 1), importance))),
      expected,
    );
  }));

Deno.test("types that a format or a promise cannot have are refused before anything runs", () =>
  withTrained("pre-ln", async (model) => {
    const onNotice = () => assert.fail("something ran");
    for (
      const [asked, message] of [
        [{ file: "50%", format: "hf" }, /types of blocks: found hf, expected a format of GGUF$/],
        [{ parameters: "10%" }, /found parameters, which they do not save, expected a limit or a file$/],
        [{ speed: 1.2, targets: ["mlp", "types"] }, /found speed, which they do not save/],
      ] as const
    ) await assert.rejects(fit(model, { ...common, calibration, onNotice, ...asked }), message);
  }));
