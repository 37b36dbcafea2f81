/** What figures and sections of a page say, beside the usual results: where samples decide, where they do not, and what is missing. */
import type { Evaluation } from "features/evaluate/mod.ts";
import type { Fit } from "features/fit/mod.ts";
import type { Profile } from "features/profile/mod.ts";
import type { Sweep } from "features/sweep/mod.ts";
import { align } from "core/show/tables/text.ts";
import type { Figure } from "core/show/chart/svg.ts";
import { type Findings, sections } from "../../../src/apps/pages/sections/sections.ts";
import type { Section } from "../../../src/apps/pages/sections/section.ts";
import { answerLines } from "../../../src/apps/pages/sections/answer.ts";
import { type Draw, drawnWith, type Inputs, names, odd } from "./every_figure.ts";
import { around, guides, profile, repairedSweep, sweep } from "./synthetic.ts";
import { causes } from "./synthetic_causes.ts";
import { far, fit, nothing, onTask } from "./synthetic_fit.ts";
import { llamaSpeed, measuredSpeed } from "./synthetic_speed.ts";
import { certificate, checkpoints, untrained } from "./synthetic_studies.ts";
import { evaluation, evaluations, plan } from "./synthetic_tasks.ts";

/** A copy in which some fields are changed. */
function changed<Thing>(thing: Thing, change: (copy: Thing) => void): Thing {
  const copy = structuredClone(thing);
  change(copy);
  return copy;
}

const [six, twelve] = [6, 12].map((layers) => profile({ layers }));
const onePoint = { layers: 12, samples: 1 };

/** Attention is the redundant module in all layers; here the MLP is. */
const turned: Profile = {
  ...twelve,
  sums: { ...twelve.sums, attention: twelve.sums.mlp, mlp: twelve.sums.attention },
  attention: twelve.mlp,
  mlp: twelve.attention,
};

/** In layer 3 attention is below the MLP on average, but not in every sample. */
const near = changed(twelve, ({ sums }) => {
  sums.mlp[3] = sums.attention[3]!.map((sample, i) => (
    { ...sample, distance: sample.distance * (i === 0 ? 2 : 0.9) }
  ));
});

/** Modules differ from sample to sample far more than from each other. */
const scattered = (given: Profile): Profile =>
  changed(given, ({ sums }) => {
    for (const kind of ["attention", "mlp"] as const) {
      sums[kind].forEach((samples, layer) =>
        samples?.forEach((sample, i) =>
          Object.assign(sample, { distance: sample.distance * (1 + 40 * ((i + layer) % 2)) })
        )
      );
    }
  });

/** Importance follows magnitude in no order. */
export const mixed = changed(six, (copy) => {
  for (const kind of ["attention", "mlp"] as const) {
    const { relativeMagnitude } = six[kind];
    Object.assign(copy[kind], {
      relativeMagnitude: relativeMagnitude.map((_, l) => relativeMagnitude[(5 * l + 2) % 6]),
    });
  }
});

const reversed = {
  ...six,
  attention: { ...six.attention, importance: six.attention.importance.toReversed() },
};

const clearGuides = changed(guides({ layers: 12 }), ({ guides }) =>
  guides.forEach((guide, i) => {
    if (guide.by === "kl" || guide.rank === null) return;
    Object.assign(guide, { rank: 0.8 - 0.1 * i, low: 0.79 - 0.1 * i, high: 0.81 - 0.1 * i });
  }));

const wideSpeed = changed(measuredSpeed(), ({ points }) => {
  for (const { speedup } of points.flatMap(({ plans }) => plans)) {
    for (const phase of [speedup.prefill, speedup.decode]) Object.assign(phase, { low: 0.1, high: 9 });
  }
});

const why = causes({ layers: 12 });
const sureCauses = changed(why, ({ smoothing }) => {
  for (const { attention, mlp } of smoothing) {
    for (const { meanCosine } of [attention, mlp]) meanCosine.standardError.fill(1e-6);
  }
});
const oneHead = changed(why, ({ patterns }) => {
  patterns.firstShare = patterns.firstShare.map((_, l) => [0.1, l === 3 ? 0.31 : 0.3, null]);
});
const even = changed(causes({ layers: 4 }), ({ attention, mlp }) => {
  for (const kind of [attention, mlp]) kind.norm = [5, 5, 5, 5];
});
const afterBos = changed(causes({ layers: 4 }), ({ provenance }) => {
  Object.assign(provenance.packing, { bos: true, trained: 48 });
});

/** What goes together with importance, by its rank correlation: all others are at 0. */
function ranked(ranks: Record<string, [rank: number, low: number | null, high: number | null]>, layers = 12) {
  return changed(causes({ layers }), ({ correlations }) =>
    correlations.forEach((entry) => {
      const [rank, low, high] = ranks[entry.cause] ?? [0, -0.5, 0.5];
      Object.assign(entry, { rank, low, high });
    }));
}
const weak = ranked({});
const strong = ranked({ relativeMagnitude: [0.9, 0.7, 0.97], meanCosine: [-0.7, -0.9, -0.2] });
/** Both at 1: the tie makes neither the first one. Fisher's interval does not exist there. */
const tied = ranked({ relativeMagnitude: [1, null, null], meanCosine: [-1, null, null] });
const fewLayers = ranked({ relativeMagnitude: [1, null, null] }, 4);

const repaired = repairedSweep({ layers: 12 });
const attentionOf = (one: Sweep) => ({
  ...one,
  curves: one.curves.filter(({ target }) => target === "attention"),
});
const onlyAttention = attentionOf(repaired);
const onlyOnce = attentionOf(repairedSweep({ layers: 12, samples: 1 }));

const oneTask = evaluations().map(({ tasks: { piqa }, ...result }) => ({ ...result, tasks: { piqa } }));

/** Two subjects of a group, and a task beside it: the group counts once. */
export const grouped = [evaluation(32), evaluation(24, plan("attention", 2))].map((result) => {
  const { piqa, arc_easy } = result.tasks;
  const mmlu = { tasks: ["mmlu_a", "mmlu_b"], n: 80, acc: 0, stderr: 0, low: 0, high: 1 };
  const groups = { mmlu: { ...mmlu, against: null, kept: null, logprob: null } };
  return { ...result, tasks: { mmlu_a: piqa, mmlu_b: piqa, arc_easy }, groups };
});

/** Answers that are written have shares of their own. */
const written = [evaluation(20), evaluation(10, plan("mlp", 2))].map((result): Evaluation => {
  const { arc_easy: { acc: _, metrics, items, ...task } } = result.tasks;
  const gsm8k = {
    ...task,
    strict: metrics.acc.value,
    metrics: { strict: metrics.acc, flexible: metrics.acc },
    items: items.map(({ acc = 0, ...item }) => ({ ...item, gold: null, strict: acc, flexible: acc })),
  };
  return { ...result, tasks: { gsm8k } };
});

const [good, off] = [untrained(), untrained({ off: 1.12, variance: 2.7 })];
const points = [64, 128, 256].flatMap((hidden) =>
  [0.01, 0.05, 0.2].map((std) => ({ hidden, std, ratio: 0.64 / (std ** 2 * hidden) }))
);
const maps = [
  { norm: "pre", points, models: [good, untrained({ hidden: 256, ratio: 0.3 })] },
  { norm: "peri", points: points.map((point) => ({ ...point, ratio: 1.1 })), models: [] },
] as const;

/** Inputs of figures beside those of every_figure.ts, by what is said of them. */
const figures: { readonly [Name in Draw]?: Readonly<Record<string, Inputs[Name]>> } = {
  importanceFigure: { "the MLP is the redundant one": [turned], "one layer within the scatter": [near] },
  cosineMagnitudeFigure: { "mixed ranks": [mixed] },
  dropOrderFigure: { "scattered samples": [scattered(six)] },
  guidesFigure: { "one that is clearly best": [clearGuides] },
  certificateFigure: {
    "equal, of a plan": [certificate({ layers: 2 }, { rise: 0, drop: { attention: [1], mlp: [] } })],
    "one sample, other layers": [certificate({ layers: 2, samples: 1 }, { alike: false })],
  },
  textsFigure: { "nothing in common": [[six, reversed]], "unsure": [[scattered(six), scattered(reversed)]] },
  speedFigure: { "wide quartiles": [wideSpeed], "in llama.cpp": [llamaSpeed()] },
  checkpointLinesFigure: { "one sample": [checkpoints([0, 32, 512], onePoint)] },
  smoothingFigure: {
    "apart": [sureCauses],
    "the full model alone": [{ ...why, smoothing: why.smoothing.slice(0, 1) }],
  },
  attentionMapFigure: { "one head above a third": [oneHead] },
  updateNormsFigure: { "one length": [[why, even]] },
  causesFigure: {
    "strong, tied, weak, few layers": [[strong, tied, weak, fewLayers]],
    "weak, few layers": [[weak, fewLayers]],
    "one after BOS": [[causes({ layers: 4 }), afterBos]],
  },
  qualityFigure: { "repaired": [repaired], "repaired attention": [onlyAttention], "one sample": [onlyOnce] },
  accuracyFigure: { "one task": [oneTask], "a group": [grouped], "written answers": [written] },
  initFitFigure: { "near": [[good, off]], "one far": [[good, untrained({ off: 2 })]] },
  initMapFigure: { "two norms": [maps] },
};

const errors = (error: number, samples = 4) => ({
  ...sweep({ layers: 12, samples }),
  curves: sweep({ layers: 12 }).curves.map((curve) => (
    {
      ...curve,
      points: curve.points.map((point) => ({ ...point, ...around(point.rise, error, samples, curve) })),
    }
  )),
});
/** The deepest attention is the least important. */
const alike = changed(sweep({ layers: 12 }), ({ curves: [{ points }, ...others] }) => {
  Object.assign(others.at(-1)!, { points });
});
const onlyMlp = { ...errors(0.01), curves: errors(0.01).curves.filter(({ target }) => target === "mlp") };
/** The order of all losses reversed. */
const swapped = changed(sweep({ layers: 12 }), ({ curves }) => {
  for (const point of curves.flatMap(({ points }) => points)) {
    Object.assign(point, { rise: 1 - point.rise, rises: point.rises!.map((rise) => 1 - rise) });
  }
});
const oneSeed = { ...errors(0.01), curves: errors(0.01).curves.filter(({ seed }) => !seed) };

const texts = ["stories", "wiki"].map((text) => profile({ layers: 12, text }));
const mixers = Array.from({ length: 12 }, (_, l) => l % 4 === 3 ? "full" as const : "linear" as const);
export const hybrid = profile({ layers: 12, mixers, attention: [0], experts: 10 });
const half = untrained({ ratio: 0.5, hidden: 4096 });
const once = changed(half, ({ measured }) => {
  for (const kind of [measured.attention, measured.mlp]) {
    Object.assign(kind, { bySeed: kind.bySeed.slice(0, 1) });
  }
});

/** What sections of a page are given, by what is said of it. */
const found: { readonly [Name in keyof Findings]: Readonly<Record<string, Findings[Name]>> } = {
  fit: {
    "answered": fit({ layers: 12 }),
    "far from the model": far({ layers: 12 }),
    "nothing keeps the limit": nothing({ layers: 12 }),
    "on a task": onTask({ layers: 12 }),
  },
  importance: {
    "several texts": { profile: twelve, texts },
    "one sample": { profile: profile(onePoint), texts: [] },
    "hybrid, mixtures": { profile: hybrid, texts: [] },
  },
  quality: {
    "as usual": sweep({ layers: 12 }),
    "one sample": sweep(onePoint),
    "wide intervals": errors(1),
    "MLPs alone": onlyMlp,
    "the same modules": alike,
    "repaired": repaired,
  },
  tasks: { "as usual": evaluations(), "attention alone": evaluations().slice(0, 2), "a group": grouped },
  magnitude: {
    "as usual": twelve,
    "six layers": six,
    "mixed ranks": mixed,
    "no attention": profile({ layers: 2, attention: [0, 1] }),
  },
  checkpoints: {
    "two runs": [checkpoints([0, 32, 512], { layers: 8 }), checkpoints([5], { layers: 4 }, false)],
    "one sample": [checkpoints([0, 5], { layers: 4, samples: 1 })],
  },
  "random-init": { "two shapes": { models: [good, half], maps }, "one seed": { models: [once], maps } },
  "norm-placement": {
    "alike": [errors(0.01), errors(0.01)],
    "one reversed": [errors(0.01), swapped],
    "one seed": [oneSeed],
    "no errors": [errors(0.01), errors(0, 1)],
    "wide intervals": [errors(0.01), errors(2)],
  },
  causes: {
    "as usual": { model: why, others: [] },
    "no effects": { model: causes({ layers: 4, attention: [0] }, { effects: false }), others: [why] },
  },
};

/** The words of a figure, and how many marks it has of each kind. */
function wordsOf({ name, svg, title, subtitle, setting, reading }: Figure): string {
  const marks = Object.groupBy([...svg.matchAll(/<(\w+)/g)].map(([, name]) => name).sort(), (name) => name);
  const counts = Object.entries(marks).map(([name, { length } = []]) => `${length} ${name}`);
  return [`${name}: ${title}`, subtitle, setting, reading, counts.join(", ")].join("\n");
}

/** The words of a section: its answers as cards, claims, tables, and the titles of its figures. */
function sectionWords({ title, claims, tables, figures, ...section }: Section): string {
  return [
    ...[
      title,
      ...answerLines([{ title, claims, tables, figures, ...section }]).map((card) => card.join(": ")),
    ],
    ...claims.map(({ id, measured }) => `${id} ${measured}`),
    ...tables.map(({ title, head, rows, left }) => `${title}\n${align([head, ...rows], {}, left)}`),
    ...figures.map(({ name, title }) => `${name}: ${title}`),
  ].join("\n");
}

/** By what each is, and of what. */
export const words: Readonly<Record<string, string>> = Object.fromEntries([
  ...names.map((name) => [name, wordsOf(drawnWith(name))]),
  ...odd.map(({ name, what, input }) => [`${name}, ${what}`, wordsOf(drawnWith(name, undefined, input))]),
  ...Object.entries(figures).flatMap(([name, inputs]) =>
    Object.entries(inputs).map(([what, input]) => [
      `${name}, ${what}`,
      wordsOf(drawnWith(name as Draw, undefined, input)),
    ])
  ),
  ...Object.entries(found).flatMap(([name, findings]) =>
    Object.entries(findings).map(([what, found]) => [
      `section ${name}, ${what}`,
      sectionWords(sections[name as "fit"](found as Fit)),
    ])
  ),
]);
