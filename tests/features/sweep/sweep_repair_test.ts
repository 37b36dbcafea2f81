/** Sweeps with repairs: lines beside the curves, fits that plans share, points that are refused, and what it all would take. */
import assert from "node:assert/strict";
import { type DropPlan, type RepairName, REPAIRS } from "core/measure/mod.ts";
import { type Sweep, sweep, type SweepOptions } from "features/sweep/mod.ts";
import { estimate } from "features/by_name.ts";
import { perplexities } from "features/losses/mod.ts";
import { repair } from "features/repair/mod.ts";
import { heard } from "../../support.ts";
import { type Opened, withTiny } from "../../core/study/tiny.ts";

/** Eight blocks for the fits, of which the last two are held out, and four others for the curves. */
const FITTED = 8;

function optionsOf({ folder, options }: Opened, own: Partial<SweepOptions>): SweepOptions {
  const text = `${folder}/text.txt`;
  return {
    ...options,
    skip: FITTED,
    calibration: { text, samples: 2, length: 16 },
    curves: [{ target: "attention", by: "deepest", seed: null }],
    steps: [0, 1, 2],
    ...own.repair?.length ? { repairSamples: FITTED } : {}, // without a repair it is refused
    ...own,
  };
}

const lineOf = ({ curves }: Sweep, by: RepairName) => curves.find(({ repair }) => repair?.by === by);

/** Files of fits among kept results. */
function fitsIn(results: string): number {
  return [...Deno.readDirSync(results)].filter(({ name }) => name.startsWith("replacement-")).length;
}

const ways = (["attention", "mlp", "block"] as const).flatMap((target) =>
  [false, true].map((sequential) => ({ target, sequential }))
);

for (const { target, sequential } of ways) {
  Deno.test(`repaired lines of ${target}${sequential ? " in sequence" : ""} have the losses of the plans that \`repair\` makes, and lack those that it refuses`, () =>
    withTiny(async (opened) => {
      const { model, folder, options } = opened;
      const { notices, onNotice } = heard();
      const curves = [{ target, by: "deepest", seed: null }] as const;
      const result = await sweep(model, optionsOf(opened, { curves, repair: REPAIRS, sequential, onNotice }));
      const [bare] = result.curves;
      assert.equal(bare.repair, undefined);
      const plans: DropPlan[] = [];
      const expected: Sweep["curves"][number]["points"] = [];
      for (const by of REPAIRS) {
        const line = lineOf(result, by);
        assert.deepEqual(line?.repair ?? { by, sequential }, { by, sequential });
        for (const { dropped, drop } of bare.points.slice(1)) {
          const point = line?.points.find((point) => point.dropped === dropped);
          const fitted = { text: `${folder}/text.txt`, samples: FITTED, length: 16, engine: "cpu" } as const;
          const repaired = await repair(model, drop, { ...fitted, by, sequential })
            .catch((error: Error) => error);
          if (repaired instanceof Error) {
            assert.equal(repaired.message.includes("Cannot"), true, repaired.stack);
            assert.equal(point, undefined, `${by}, ${dropped}`);
            assert.ok(notices.some((line) => line.endsWith(repaired.message)), repaired.message);
            continue;
          }
          assert.ok(point, `${by}, ${dropped}: ${notices.join("\n")}`);
          plans.push(repaired);
          expected.push(point);
        }
      }
      assert.ok(plans.length > 0, `${plans.length} repairs`);
      const runs = await perplexities(model, plans, { ...options, results: undefined, skip: FITTED });
      for (const [i, { nll, provenance: { drop } }] of runs.entries()) {
        assert.deepEqual(expected[i].drop, drop);
        assert.ok(Math.abs(expected[i].nll - nll) < 1e-6, `${i}`); // another batch of plans
      }
    }));
}

Deno.test("a fit on the full model's stream is made once for all plans and repairs, and is found again", () =>
  withTiny(async (opened) => {
    const { model, folder, options: { results } } = opened;
    const own = optionsOf(opened, { repair: ["linear", "linear"], steps: [0, 1, 2, 3] });
    const first = await sweep(model, own);
    assert.equal(fitsIn(results), 3, "three modules, though six plans drop them");
    const [again, other] = [heard(), heard()];
    assert.deepEqual(await sweep(model, { ...own, onNotice: again.onNotice }), first);
    assert.match(again.notices.join("\n"), /3 fits reused/);
    const text = { text: `${folder}/text.txt`, samples: FITTED, length: 16, engine: "cpu" } as const;
    const asked = { ...text, by: "linear", results, onNotice: other.onNotice } as const;
    await repair(model, { attention: [0, 2] }, asked).catch(() => {});
    assert.match(other.notices.join("\n"), /2 fits reused/);
    assert.equal(fitsIn(results), 3);
  }));

Deno.test("too few tokens, and no MLP before a module, leave points out and say so once", () =>
  withTiny(async (opened) => {
    const { notices, onNotice } = heard();
    const own = optionsOf(opened, { repair: ["linear", "refit"], repairSamples: 1, onNotice });
    const few = await sweep(opened.model, own);
    assert.deepEqual(few.curves.map(({ repair }) => repair), [undefined]);
    const said = /has no point at 1, 2: Cannot repair .*expected at least/;
    assert.equal(notices.filter((line) => said.test(line)).length, 2, notices.join("\n"));
    const more = { repair: ["refit"], repairSamples: FITTED, steps: [0, 1, 2, 3] } as const;
    const all = await sweep(opened.model, { ...own, ...more });
    assert.match(notices.join("\n"), /has no point at 3: .*no MLP before attention 0/);
    assert.ok(lineOf(all, "refit")?.points.every(({ dropped }) => dropped !== 3) ?? true);
  }));

Deno.test("a fit that is singular is refused, is kept as such, and leaves the others of its walk as they are", () =>
  withTiny(async (opened) => {
    const { model, folder, options: { results } } = opened;
    await Deno.writeTextFile(`${folder}/same.txt`, "a".repeat(400)); // one token: the inputs of every fit are alike
    const own = optionsOf(opened, {
      calibration: { text: `${folder}/same.txt`, samples: 2, length: 16 },
      repair: ["linear"],
      steps: [0, 1],
    });
    const { notices, onNotice } = heard();
    const found = await sweep(model, { ...own, onNotice });
    assert.deepEqual(await sweep(model, own), found);
    assert.deepEqual([fitsIn(results), found.curves.length], [1, 1]);
    const singular =
      /has no point at 1: Cannot fit 32 numbers from 32 over 96 tokens: the inputs are singular/;
    assert.match(notices.join("\n"), singular);
  }));

Deno.test("the price has a pass for all fits of a one-shot repair, and one for each plan in sequence", () =>
  withTiny(async (opened) => {
    const price = (own: Partial<SweepOptions>) => estimate("sweep", opened.model, optionsOf(opened, own));
    const asked = [{}, { repair: ["linear"] }, { repair: ["linear", "refit"] }, {
      repair: ["linear"],
      sequential: true,
    }];
    const [bare, once, twice, sequence] = await Promise.all(
      asked.map((own) => price(own as Partial<SweepOptions>)),
    );
    const layers = 2 * opened.model.spec.layers.length;
    // One pass for the fits; on both texts, two plans more; on the held-out samples, the full model twice, and the drops.
    assert.ok(once.modules - bare.modules > 3 * layers);
    for (const more of [twice, sequence]) assert.ok(more.modules > once.modules && more.flops > once.flops);
    assert.equal(once.plans - bare.plans, 2);
  }));

Deno.test("a sweep whose text is the repairs' says what they share", () =>
  withTiny(async (opened) => {
    const own = optionsOf(opened, { repair: ["mean"], skip: 0 });
    const { shared = [] } = await sweep(opened.model, own);
    assert.deepEqual(shared.find(({ calibration }) => calibration === "repair")?.share, 1);
  }));
