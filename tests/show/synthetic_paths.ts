import type { Way } from "../../src/measure/mod.ts";
import { head, type Paths } from "../../src/result/mod.ts";
import { provenance, type Shape } from "./synthetic.ts";

const change = (difference: number, half = 0.03) => (
  {
    difference,
    low: difference - half,
    high: difference + half,
    equivalence: 0.5,
    margin: 0.02,
    verdict: "cannot tell" as const,
    n: 60,
  }
);

/** The map of accuracy of some paths: each loses ten points a nat, and the most accurate gains `again` on the documents that confirm. */
export function withAccuracy(result: Paths, again: number): Paths {
  return {
    ...result,
    accuracy: {
      tasks: ["piqa", "arc_easy"],
      provenance: provenance({ layers: result.provenance.model.layers, text: "piqa" }),
      confirming: provenance({ layers: result.provenance.model.layers, text: "piqa" }),
      value: 0.61,
      changes: result.paths.map(({ rise }) => change(-0.1 * rise)),
      confirmed: [{ at: 21, ...change(again) }, { at: 0, ...change(0) }],
    },
  };
}

/** A map in which every way has paths; the cheapest, a loop, costs `again` on the samples that confirm. */
export function paths(shape: Shape, again = -0.02): Paths {
  const path = (way: Way, first: number, last: number, times: number, rise: number) => (
    {
      way,
      first,
      last,
      times,
      path: [0, 1, 0],
      visits: 6 + (times - 1) * (last - first + 1),
      rise,
      riseError: 0.01,
    }
  );
  const firsts = Array.from({ length: 5 }, (_, first) => first);
  return {
    ...head("paths"),
    provenance: provenance({ ...shape, text: "wiki" }),
    confirming: provenance({ ...shape, text: "wiki" }),
    nll: 3.5,
    paths: [
      ...[...firsts, 5].map((first) => path("repeat", first, first, 2, 0.005 * 4 ** first)),
      ...firsts.map((first) => path("repeat", first, first + 1, 2, 0.02 * 3 ** first)),
      ...firsts.map((first) => path("swap", first, first + 1, 1, 0.5)),
      ...firsts.map((first) => path("beside", first, first + 1, 1, 0.1 * first)),
      ...firsts.map((first) => path("loop", first, first + 1, 2, 0.02 * (first - 1))),
    ],
    confirmed: [{ at: 21, rise: again, riseError: 0.005 }, { at: 16, rise: 0.001, riseError: 0.01 }],
  };
}
