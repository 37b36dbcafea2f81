/** What measures a repair neither fits it nor chooses its ridge, and a repair that is no better than the drop there is refused. */
import assert from "node:assert/strict";
import { mean, type RepairName, REPAIRS } from "core/measure/mod.ts";
import { makePlan } from "features/orders/mod.ts";
import { lossDifferences, perplexities } from "features/losses/mod.ts";
import { profile } from "features/profile/mod.ts";
import { fitsOf, repair, repairedBy, repairing, repairOf, WorseRepair } from "features/repair/mod.ts";
import { sweep } from "features/sweep/mod.ts";
import type { Solved } from "features/repair/job.ts";
import { textOf } from "core/study/text.ts";
import type { StudyModel } from "core/subject/mod.ts";
import { tableText } from "core/show/looks.ts";
import { byTurns, engine, heard, near } from "../../support.ts";
import { tinyText, unjudged, withTiny } from "../../core/study/tiny.ts";

/** Sixteen samples: nine fit each strength, three choose, and four measure. */
const SIZES = { samples: 16, length: 16, skip: 0, bos: false } as const;
const plan = { attention: [1], mlp: [2] };

/** The fits of a repair, judged or not, with the plan that they make. */
async function fitted(model: StudyModel, text: string, by: RepairName, sequential: boolean, drops = plan) {
  const own = repairOf(repairing(model, textOf(model, { ...SIZES, text }), by, sequential), drops);
  const solved = await fitsOf(own, { engine });
  return { solved, made: repairedBy(own, solved) };
}

const numbersOf = ({ tensors }: Solved) => [...tensors!].map(([name, { data }]) => [name, [...data]]);

for (const [turn, by] of REPAIRS.entries()) {
  const hasMlpBehind = by !== "refit";
  Deno.test(`${by}: samples that are held out change what is measured, and nothing of the fit`, () =>
    withTiny(async ({ model, folder }) => {
      const until = 12 * 16; // a token a letter
      const other = tinyText.slice(0, until) + tinyText.slice(until).split("").reverse().join("");
      await Deno.writeTextFile(`${folder}/other.txt`, other);
      await Deno.writeTextFile(`${folder}/swapped.txt`, other.slice(until) + tinyText);
      for (const sequential of hasMlpBehind ? byTurns([false, true], turn) : [false]) {
        const solvedOn = async (name: string) =>
          (await fitted(model, `${folder}/${name}.txt`, by, sequential)).solved;
        const [one, same, swapped] = await Promise.all(["text", "other", "swapped"].map(solvedOn));
        assert.deepEqual(same.map(numbersOf), one.map(numbersOf));
        assert.deepEqual(same.map(({ strength }) => strength), one.map(({ strength }) => strength));
        const lefts = (solved: readonly Solved[]) => solved.map(({ left }) => left);
        assert.equal(lefts(one).some((left) => left !== null), one[0].strength !== null);
        for (const [i, left] of lefts(one).entries()) {
          if (left !== null) assert.notEqual(lefts(same)[i], left);
        }
        assert.notDeepEqual(swapped.map(numbersOf), one.map(numbersOf));
      }
    }));
}

Deno.test("a repair is refused exactly where it saves nothing on the samples held out, and its plan says what it saves", () =>
  withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
    const text = `${folder}/text.txt`;
    const plan = { attention: [], mlp: [2] };
    const dropped = { ...makePlan(await profile(model, options), { target: "mlp", drop: 1 }), ...plan };
    let refused = 0;
    for (const by of REPAIRS) {
      const { made } = await fitted(model, text, by, false, plan);
      const held = { ...options, ...SIZES, skip: 12, samples: 4 };
      const [full, bare, own] = await perplexities(model, [{}, plan, made], held);
      const differences = lossDifferences(bare, own);
      const { notices, onNotice } = heard();
      const asked = { ...options, ...SIZES, onNotice };
      const found = await repair(model, dropped, { ...asked, by }).catch((error: Error) => error);
      if (found instanceof Error) {
        refused++;
        assert.ok(found instanceof WorseRepair, found.stack);
        const worse =
          /on the 4 samples held out, expected less than the drop's .* \(95 % interval of what it saves/;
        assert.match(found.message, worse);
        assert.ok(mean(differences) <= 0, by);
        continue;
      }
      const { fresh } = found.repaired!;
      assert.equal(fresh!.samples, 4);
      const saved = bare.nll - own.nll; // samples are of one length
      for (
        const [name, value] of Object.entries({ full: full.nll, dropped: bare.nll, repaired: own.nll, saved })
      ) {
        // Another batch of plans: float32's last digits of a loss of 4 nats.
        near(fresh![name as "saved"], value, 1e-5, `${by}: ${name}`);
      }
      const low = fresh!.saved - 3.182446 * fresh!.savedError!; // t of three degrees of freedom
      assert.equal(
        /on 4 held-out samples: too few to tell which is better/.test(notices.join("\n")),
        low <= 0,
      );
      assert.match(tableText([found]), /loss on the 4 samples held out of the fits/);
      assert.equal(/too few samples to tell which is better/.test(tableText([found])), low <= 0);
    }
    assert.ok(refused > 0 && refused < REPAIRS.length, `${refused}`);
  }));

Deno.test("a repair of a single sample says that nothing is held out, in a notice and in its table, and a sweep does too", () =>
  withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
    const { notices, onNotice } = heard();
    const dropped = makePlan(await profile(model, options), { target: "mlp", drop: 1 });
    const found = await repair(model, dropped, { ...options, ...unjudged, onNotice });
    assert.equal(found.repaired!.fresh, undefined);
    assert.match(notices.join("\n"), /nothing is held out of a single sample/);
    assert.match(tableText([found]), /nothing is held out of a single sample/);
    assert.doesNotMatch(tableText([found]), /loss on the sample/);
    notices.length = 0;
    const calibration = { text: `${folder}/text.txt`, samples: 1, length: 64 };
    const { curves } = await sweep(model, {
      ...{ ...options, calibration, onNotice, repair: ["mean"], repairSamples: 1, steps: [0, 1] },
      curves: [{ target: "mlp", by: "deepest", seed: null }],
    });
    assert.equal(curves.length, 2);
    assert.match(notices.join("\n"), /repaired by mean, at 1: nothing is held out of a single sample/);
  }));

Deno.test("a repair saves what its plan drops, less what stays: a vector, or a map and the norm that it reads", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const dropped = makePlan(await profile(model, options), { target: "attention", drop: 1 });
    const [D, kv] = [32, 2 * 8]; // two key heads of eight numbers
    const whole = D + 2 * D * D + 2 * kv * D; // the norm, and the projections q, o, k and v
    assert.equal(dropped.saves!.parameters, whole);
    for (const [by, stays] of [["mean", D], ["linear", D * D + D + D], ["refit", 0]] as const) {
      const { saves } = await repair(model, dropped, { ...options, ...unjudged, by });
      assert.equal(saves!.parameters, whole - stays, by);
      const share = dropped.saves!.parametersShare * (whole - stays) / whole;
      near(saves!.parametersShare, share, 1e-12);
    }
  }));
