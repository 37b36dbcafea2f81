/** Every figure of a small synthetic result. */
import * as show from "../../src/show/mod.ts";
import { checkpoints } from "./synthetic_checkpoints.ts";
import { causes } from "./synthetic_causes.ts";
import { guides, profile, sizedSweep, sweep } from "./synthetic.ts";
import { fit } from "./synthetic_fit.ts";
import { generation } from "./synthetic_generation.ts";
import { evaluations } from "./synthetic_tasks.ts";
import { bound, measuredSpeed, reported } from "./synthetic_speed.ts";
import { untrained } from "./synthetic_untrained.ts";

/** The functions of show's door that draw a figure. */
export type Draw = Extract<keyof typeof show, `${string}Figure`>;
/** What each draws. */
export type Inputs = { readonly [Name in Draw]: Parameters<typeof show[Name]> };

function costOf(layer: number, difference: number) {
  return { layer, difference, low: difference - 0.01, high: difference + 0.01 };
}

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
  comparisonFigure: [six, profile({ layers: 6, text: "wiki", scale: 2 })],
  dropOrderFigure: [six],
  qualityFigure: [curves],
  divergenceFigure: [curves],
  fitFigure: [fit({ layers: 6 })],
  removalsFigure: [{
    dropped: [3, 0.04, 0.4, 0.2, 0.02].map((difference, layer) => costOf(layer, difference)),
    "window of 64 keys": [0.5, -0.002, 0.05, 0.004, 0.001].map((difference, layer) =>
      costOf(layer, difference)
    ),
  }, "tiny · 4 × 16 tokens of a text"],
  sizesFigure: [[sizedSweep("tiny-135m-q4", { layers: 6 }), sizedSweep("tiny-1.5b-q4", { layers: 12 }, 0.5)]],
  stabilityFigure: [six],
  textsFigure: [
    ["stories", "wiki", "code"].map((text, i) => profile({ layers: 6, text, scale: 1 + i / 10 })),
  ],
  magnitudeFigure: [six],
  signFigure: [six],
  cosineMagnitudeFigure: [six],
  streamNormFigure: [six],
  expertLoadFigure: [profile({ layers: 6, experts: 10 })],
  accuracyFigure: evaluations(),
  rooflineFigure: [[
    bound({ name: "wide", attention: 8, largest: 50, paper: reported(1.12, "fits") }),
    bound({ name: "deep", bits: 4, attention: 16, largest: 0, paper: reported(1.7, "never") }),
  ]],
  speedFigure: [measuredSpeed()],
  generationFigure: [generation()],
  guidesFigure: [guides({ layers: 6, attention: [2] })],
  attentionMapFigure: [why],
  attentionPatternFigure: [{
    model: "llama",
    tokens: ["The", " quick", " fox"],
    heads: [0, 1].map((head) => ({ layer: 1, head, rows: [[1], [0.75, 0.25], [0.5, 0.125 * head, 0.5]] })),
  }],
  effectsFigure: [why],
  smoothingFigure: [why],
  causesFigure: [[why, causes({ layers: 5 }, { norm: "peri" })]],
  predictabilityFigure: [
    causes({ layers: 8, attention: [4], mlp: [1] }, { predictability: true }),
    { attention: [0, 1, 2, 3, 5, 6, 7].map((layer) => ({ layer, difference: 0.3 / (1 + layer) - 0.05 })) },
  ],
  updateNormsFigure: [[why, causes({ layers: 5, scale: 2 }, { norm: "peri" })]],
  checkpointMapFigure: [training],
  checkpointLinesFigure: [training],
  checkpointMovementFigure: [training],
  checkpointQualityFigure: [training],
  initFitFigure: [widths.slice(0, 2)],
  initMapFigure: [[{ norm: "pre", points: plane, models: widths.slice(1, 3) }]],
  initCausesFigure: [[
    { name: "width D", models: widths.map((model) => ({ value: model.measured.shape.hidden, ...model })) },
    {
      name: "norm placement",
      models: ["pre", "peri"].map((value, i) => ({ value, ...untrained({ ratio: 2 - i }) })),
    },
  ]],
};

export const names = Object.keys(inputs) as Draw[];

/** A figure with options, of other inputs than those above where some are given. */
export function drawnWith(
  name: Draw,
  options?: show.FigureOptions,
  given: readonly unknown[] = inputs[name],
): show.Figure {
  const draw = show[name] as (...input: unknown[]) => show.Figure;
  return draw(...given, ...OPTIONAL.includes(name) && given.length < 2 ? [undefined] : [], options);
}

/** Figures with a second input that may be absent. */
const OPTIONAL: readonly Draw[] = ["predictabilityFigure"];
