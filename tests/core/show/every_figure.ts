/** Every figure of a small synthetic result. */
import * as show from "../../../src/figures.ts";
import { certificate, checkpoints, untrained } from "./synthetic_studies.ts";
import { causes } from "./synthetic_causes.ts";
import type { Causes } from "features/causes/mod.ts";
import type { Checkpoints } from "features/training/mod.ts";
import type { Profile } from "features/profile/mod.ts";
import { guides, profile, type Shape, sweep } from "./synthetic.ts";
import { fit } from "./synthetic_fit.ts";
import { evaluations } from "./synthetic_tasks.ts";
import { measuredSpeed } from "./synthetic_speed.ts";

/** The functions of show's door that draw a figure. */
export type Draw = Extract<keyof typeof show, `${string}Figure`>;
export type Inputs = { readonly [Name in Draw]: Parameters<typeof show[Name]> };

const six = profile({ layers: 6, attention: [2] });
const curves = sweep({ layers: 6 });
const why = causes({ layers: 6, attention: [4], mlp: [1] });
const training = checkpoints([0, 32, 512, 4096], { layers: 4 });
const widths = [64, 128, 256, 512].map((hidden) => untrained({ hidden, ratio: 256 / hidden, off: 1.05 }));
const plane = widths.flatMap(({ measured: { shape: { hidden } } }) =>
  [0.01, 0.05, 0.2].map((std) => ({ hidden, std, ratio: 0.64 / (std ** 2 * hidden) }))
);
export const inputs: Inputs = {
  importanceFigure: [six],
  dropOrderFigure: [six],
  qualityFigure: [curves],
  fitFigure: [fit({ layers: 6 })],
  stabilityFigure: [six],
  textsFigure: [
    ["stories", "wiki", "code"].map((text, i) => profile({ layers: 6, text, scale: 1 + i / 10 })),
  ],
  magnitudeFigure: [six],
  signFigure: [six],
  directionsFigure: [six],
  cosineMagnitudeFigure: [six],
  accuracyFigure: [evaluations()],
  speedFigure: [measuredSpeed()],
  contextFigure: [[{
    ...{ provenance: six.provenance, calibration: curves.provenance, keep: 1, seen: 0.59 },
    rises: (["token", "mean"] as const).flatMap((from, i) =>
      [[0], [1], [2], [1, 2]].map((layers) => {
        const rise = (1 + 8 * i) * (0.4 / 9 ** layers[0] - 0.002);
        return { from, layers, rise, low: rise - 0.003, high: rise + 0.003 };
      })
    ),
  }]],
  guidesFigure: [guides({ layers: 6, attention: [2] })],
  attentionMapFigure: [why],
  effectsFigure: [why],
  certificateFigure: [certificate({ layers: 6 })],
  smoothingFigure: [why],
  causesFigure: [[why, causes({ layers: 5 }, { norm: "peri" })]],
  causesScatterFigure: [[why, causes({ layers: 5 }, { norm: "peri" })]],
  linesFigure: [
    ["attention", "MLP", "head 3"].flatMap((of, i) =>
      [0, 1, 2].map((l) => ({ l, of, v: l === i ? null : l - i }))
    ),
    { x: "l", y: "v", label: "of" },
  ],
  spikesFigure: [[{
    model: "llama",
    written: { module: "mlp", layer: 1, samples: 2, share: 0.97 },
    taken: { module: "mlp", layer: 3, samples: 1, share: 0.79 },
    spikes: [0, 1, 2, 3].flatMap((layer) =>
      [0, 1].map((sample) => ({
        ...{ layer, sample, token: 0, id: 7, channel: 5, value: [1, 400, 410, 90][layer], attention: 3 },
        ...{ mlp: [0, 396, 7, -323][layer], times: [5, 2000, 1500 + sample, 90][layer], share: 0.9 },
        ...{ cosine: 1 - 0.1 * layer, last: 0.5, sink: layer === 3 ? null : 0.2 * layer },
      }))
    ),
  }]],
  interactionsFigure: [
    ["attention 2", "MLP 3"].flatMap((drop, i) =>
      ["embedding Q5_0", "MLPs Q4_0", "attention Q4_0"].map((type, j) => {
        const rise = 0.02 * (i - j);
        return { model: "llama", drop, type, rise, low: rise - 0.015, high: rise + 0.015 };
      })
    ),
  ],
  updateNormsFigure: [[why, causes({ layers: 5, scale: 2 }, { norm: "peri" })]],
  checkpointMapFigure: [training],
  checkpointLinesFigure: [training],
  checkpointQualityFigure: [training],
  initFitFigure: [widths.slice(0, 2)],
  initMapFigure: [[{ norm: "pre", points: plane, models: widths.slice(1, 3) }]],
};

export const names = Object.keys(inputs) as Draw[];

const shapes: Readonly<Record<string, Shape>> = {
  "as usual": { layers: 12 },
  "one layer": { layers: 1 },
  "two layers": { layers: 2 },
  "eighty layers": { layers: 80, samples: 16 },
  "one sample, so no standard error": { layers: 12, samples: 1 },
  "modules left out": { layers: 12, attention: [0, 5, 11], mlp: [5, 7] },
  "no attention at all": { layers: 3, attention: [0, 1, 2] },
  "tiny importance": { layers: 12, scale: 1e-9 },
  "no importance": { layers: 4, scale: 0 },
};
const steps = [0, 32, 64, 128, 512, 4096];
/** Studies of training, by what is odd about them. */
export const trainings = {
  "as usual": checkpoints(steps, { layers: 8 }),
  "one checkpoint": checkpoints([1000], { layers: 8 }),
  "step 0 alone": checkpoints([0], { layers: 4 }),
  "two layers": checkpoints(steps, { layers: 2 }),
  "one layer": checkpoints(steps, { layers: 1 }),
  "many of both": checkpoints(Array.from({ length: 40 }, (_, i) => 1000 * i), { layers: 80, samples: 1 }),
  "no attention in some layers": checkpoints(steps, { layers: 8, attention: [0, 3], mlp: [1] }),
  "no attention at all": checkpoints(steps, { layers: 3, attention: [0, 1, 2] }),
  "no importance": checkpoints(steps, { layers: 4, scale: 0 }),
};
/** Studies of causes, by what is odd about them. */
export const studied = {
  "several layers": causes({ layers: 12 }),
  "two layers, one head": causes({ layers: 2 }, { heads: 1, norm: "peri" }),
  "modules left out": causes({ layers: 9, attention: [0, 4], mlp: [4, 8] }),
  "many layers": causes({ layers: 80 }, { heads: 64 }),
};
/** Profiles of one depth, and of several depths. */
export const several = {
  same: ["stories", "wiki", "code"].map((text, i) => profile({ layers: 6, text, scale: 1 + i })),
  deep: [profile({ layers: 6 }), profile({ layers: 12, text: "wiki" }), profile({ layers: 1, text: "code" })],
};

/** The input of a figure for each thing of a kind. */
type Each<Thing> = Readonly<Partial<Record<Draw, (thing: Thing) => readonly unknown[]>>>;
const one = (thing: unknown) => [thing];
const lists = ["importanceFigure", "magnitudeFigure", "signFigure"] as const;
const ofShape: Each<Shape> = {
  ...Object.fromEntries(
    [...lists, "dropOrderFigure", "stabilityFigure", "cosineMagnitudeFigure"]
      .map((name) => [name, (shape: Shape) => [profile(shape)]]),
  ),
  qualityFigure: (shape) => [sweep(shape)],
  textsFigure: (shape) => [["stories", "wiki"].map((text) => profile({ ...shape, text }))],
};
const ofCauses: Each<Causes> = {
  attentionMapFigure: one,
  effectsFigure: one,
  smoothingFigure: one,
  causesFigure: (result) => [[result, causes({ layers: 5 }, { norm: "peri" })]],
  causesScatterFigure: (result) => [[result]],
  updateNormsFigure: (result) => [[result, result]],
};
const ofTraining: Each<Checkpoints> = {
  checkpointMapFigure: one,
  checkpointLinesFigure: one,
  checkpointQualityFigure: one,
};
const ofSeveral: Each<readonly Profile[]> = Object.fromEntries(lists.map((name) => [name, one]));

/** Inputs of figures with something odd, such as a missing module. */
export const odd: readonly {
  readonly name: Draw;
  readonly what: string;
  readonly input: readonly unknown[];
}[] = [
  ...cases(ofShape, shapes),
  ...cases(ofCauses, studied),
  ...cases(ofTraining, trainings),
  ...cases(ofSeveral, several),
];

function cases<Thing>(of: Each<Thing>, things: Readonly<Record<string, Thing>>) {
  return Object.entries(of).flatMap(([name, inputOf]) =>
    Object.entries(things).map(([what, thing]) => ({ name: name as Draw, what, input: inputOf(thing) }))
  );
}

/** A figure with options, of other inputs than those above where some are given. */
export function drawnWith(
  name: Draw,
  options?: show.FigureOptions,
  given: readonly unknown[] = inputs[name],
): show.Figure {
  const draw = show[name] as (...input: unknown[]) => show.Figure;
  return draw(...given, options);
}
