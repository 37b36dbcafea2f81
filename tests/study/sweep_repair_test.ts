/** Sweeps with repairs: lines beside the curves, fits that are shared, points that are refused, and divided sweeps. */
import assert from "node:assert/strict";
import type { Sweep } from "../../src/result/mod.ts";
import { estimate, perplexities, repair, sweep, WorseRepair } from "../../src/study/mod.ts";
import { withTiny } from "./tiny.ts";

const curve = (target: "attention" | "mlp" | "block") => ({ target, by: "deepest", seed: null } as const);
/** Enough tokens for a fit of 64 inputs. */
const calibration = { samples: 2, length: 16 };
const repairSamples = 8;

const lineOf = ({ curves }: Sweep, by: string | undefined) =>
  curves.find(({ repair }) => repair?.by === by)?.points ?? [];

Deno.test("a repaired line has the losses of its plans as `repair` makes them, one-shot and in sequence", () =>
  withTiny(async ({ model, folder, options }) => {
    const text = { text: `${folder}/text.txt`, length: 16 };
    for (const sequential of [false, true]) {
      for (const by of ["mean", "linear", "merge", "gain"] as const) {
        const notices: string[] = [];
        const result = await sweep(model, {
          ...options,
          samples: 4,
          skip: 8,
          calibration: { ...text, ...calibration },
          curves: [curve("attention")],
          steps: [0, 1, 2],
          repair: [by],
          ...{ sequential, repairSamples },
          onNotice: (line) => notices.push(line),
        });
        const [bare] = result.curves;
        assert.equal(bare.repair, undefined);
        assert.deepEqual(bare.points.map(({ dropped }) => dropped), [0, 1, 2]);
        const line = lineOf(result, by);
        assert.deepEqual(result.curves[1]?.repair ?? { by, sequential }, { by, sequential });
        for (const { dropped, drop } of bare.points.slice(1)) {
          const point = line.find((point) => point.dropped === dropped);
          const repaired = await repair(model, drop, {
            ...{ ...text, samples: repairSamples, by, sequential, engine: "cpu" },
            results: options.results,
          }).catch((error) => {
            if (error instanceof RangeError) return error;
            throw error;
          });
          if (repaired instanceof RangeError) {
            assert.equal(point, undefined);
            assert.ok(notices.some((line) => line.includes(repaired.message)), notices.join("\n"));
            continue;
          }
          const [own] = await perplexities(model, [repaired], { ...options, skip: 8 });
          assert.ok(point, `${by} ${sequential} ${dropped}\n${notices.join("\n")}`);
          assert.equal(point.nll, own.nll);
          assert.deepEqual(point.drop, own.provenance.drop);
        }
      }
    }
    assert.ok(WorseRepair);
    assert.ok(estimate);
  }));
