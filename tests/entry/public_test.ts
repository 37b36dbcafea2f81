/**
 * Every public function beside what it was given wrongly: one clear error each. A function in no row fails the test, so
 * that none is exported unchecked. The table is one file, however long: a function is looked for in one place.
 */
import assert from "node:assert/strict";
import * as lamina from "../../src/mod.ts";
import { ORDERS } from "../../src/result/mod.ts";
import { perplexity, profile } from "../result/samples.ts";
import { sweep } from "../show/synthetic.ts";
import { engine } from "../support.ts";
import { withTiny } from "../study/tiny.ts";

type Call = readonly [args: readonly unknown[], message: string];
interface Row {
  /** An option whose name is misspelt; for every function that takes options. */
  readonly name?: Call;
  /** A value of the right type that is none. */
  readonly value?: Call;
  /** A value of another type or kind. */
  readonly type: Call;
}

const aProfile = profile();
const aSweep = sweep({ layers: 2, samples: 2 } as Parameters<typeof sweep>[0]);
const model = { name: "tiny", spec: { layers: [] }, identity: {}, tokenizer() {}, weights: {} };
const named = { name: "tiny", config: {} };
const series = { name: "run", checkpoints: [] };
const curve = { target: "mlp", by: "deepest", seed: null };
const entry = { module: "mlp", layer: 0, score: 0.5 };

/** Of a study of a model: its options are those of every study. */
function study(verb: string, ...after: unknown[]): Row {
  return {
    name: [
      [model, ...after, { sample: 2 }],
      `Cannot ${verb}: unknown option "sample", expected one of text, samples, `,
    ],
    value: [
      [model, ...after, { samples: 0 }],
      `Cannot ${verb}: samples is 0, expected a whole number of at least 1`,
    ],
    type: [[{}, ...after], `Cannot ${verb}: model is an object, expected a model or its name`],
  };
}

/** Of an order, which has to be told what competes. */
function ordered(verb: string): Row {
  return {
    name: [
      [model, { target: "mlp", form: 1 }],
      `Cannot ${verb}: unknown option "form", expected one of text, `,
    ],
    value: [
      [model, { target: "mlp", by: "gredy" }],
      `Cannot ${verb}: by is "gredy", expected one of ${ORDERS.join(", ")} (did you mean "greedy"?)`,
    ],
    type: [
      [model, {}],
      `Cannot ${verb}: target is undefined, expected one of attention, mlp, block, joint, `,
    ],
  };
}

/** Of a study of an untrained model. */
function untrained(verb: string, ...between: unknown[]): Row {
  return {
    name: [
      [named, ...between, { sed: 1 }],
      `Cannot ${verb}: unknown option "sed", expected one of samples, length, `,
    ],
    value: [
      [named, ...between, { norm: "per" }],
      `Cannot ${verb}: norm is "per", expected one of pre, peri, post (did you mean "peri"?)`,
    ],
    type: [
      [7, ...between],
      `Cannot ${verb}: configuration is 7, expected a configuration from openConfig`,
    ],
  };
}

/** Of a measurement of speed. */
function timed(verb: string): Row {
  return {
    name: [[model, { contexts: [1] }], '(did you mean "context"?)'],
    value: [
      [model, { context: [0] }],
      `Cannot ${verb}: context[0] is 0, expected a whole number of at least 1`,
    ],
    type: [[model, { context: 128 }], `Cannot ${verb}: context is 128, expected a list of contexts`],
  };
}

/** Of a figure. */
function drawn(argument: string, expected: string, wrong: unknown = aSweep, found = "a sweep"): Row {
  return { type: [[wrong], `Cannot draw: ${argument} is ${found}, expected ${expected}`] };
}
const ofProfile = drawn("profile", "a profile");
const ofCauses = drawn("result", "a result of causes");
const ofCheckpoints = drawn("result", "a result of checkpoints");
const ofSweep = drawn("sweep", "a sweep", aProfile, "a profile");
const ofMany = drawn("results", "a list of results of causes");
const wholeOf = (least: number) => `expected a whole number of at least ${least}`;
const promised = Promise.resolve(aProfile);

const ofEvaluations: Row = {
  value: [[[], []], "Cannot compare plans: the number of evaluations is 0, expected at least 1"],
  type: [[aProfile, []], "Cannot compare plans: results is a profile, expected a list of evaluations"],
};

const rows: Readonly<Record<string, Row>> = {
  againstLlmDrop: study("compare with llm-drop"),
  allowance: {
    value: [[aSweep.curves[0], 0.2, 0], `Cannot find an allowance: samples is 0, ${wholeOf(1)}`],
    type: [[aSweep, 0.2, 2], "Cannot find an allowance: curve is a sweep, expected a curve of a sweep"],
  },
  atWidth: {
    value: [[named, 0], `Cannot resize: hidden is 0, ${wholeOf(1)}`],
    type: [["llama-2-7b", 64], 'Cannot resize: configuration is "llama-2-7b", expected a configuration'],
  },
  accuracyChange: {
    type: [[aProfile, aProfile], "Cannot compare accuracies: run is a profile, expected an evaluation"],
  },
  accuracyClaims: ofEvaluations,
  accuracyFigure: ofEvaluations,
  attentionMapFigure: ofCauses,
  attentionOf: {
    name: [
      [model, "a", [], { boss: true }],
      'unknown option "boss", expected one of onProgress, onNotice, signal, engine, precision, bos (did you mean "bos"?)',
    ],
    value: [
      [model, "a", [{ layer: 0, head: -1 }]],
      `Cannot look at attention: heads[0].head is -1, ${wholeOf(0)}`,
    ],
    type: [[model, 7, []], "Cannot look at attention: text is 7, expected a text"],
  },
  attentionPatternFigure: drawn("pattern", "a result of attentionOf"),
  byInterval: {
    type: [[aSweep, () => {}], "Cannot sort by intervals: items is a sweep, expected a list"],
  },
  cacheEntries: { type: [[], ""] },
  causeClaims: {
    type: [[aProfile], "Cannot judge claims: results is a profile, expected a list of results of causes"],
  },
  causes: study("measure causes"),
  causesFigure: ofMany,
  checkpointLinesFigure: ofCheckpoints,
  checkpointMapFigure: ofCheckpoints,
  checkpointMovementFigure: ofCheckpoints,
  checkpointQualityFigure: ofCheckpoints,
  checkpoints: {
    name: [[series, { qualty: "wiki" }], '(did you mean "quality"?)'],
    value: [[series, { length: 1 }], `Cannot profile checkpoints: length is 1, ${wholeOf(2)}`],
    type: [["run"], 'Cannot profile checkpoints: series is "run", expected a series from openSeries'],
  },
  claimsOf: { type: [[aProfile, aProfile], "Cannot judge claims: sweep is a profile, expected a sweep"] },
  compare: { type: [[aProfile, aSweep], "Cannot compare: the second is a sweep, expected a profile"] },
  computedRatio: untrained("compute a ratio"),
  cosineMagnitudeFigure: ofProfile,
  correlationWords: {
    type: [
      [aSweep, {}],
      "Cannot choose words: the correlation is a sweep, expected a correlation of a study of causes",
    ],
  },
  curvesOf: {
    value: [["attention", -1], `Cannot make curves: seeds is -1, ${wholeOf(0)}`],
    type: [[7], "Cannot make curves: target is 7, expected one of attention, mlp, block, joint"],
  },
  decompose: {
    value: [
      [aProfile, "mpl"],
      'Cannot decompose: kind is "mpl", expected one of attention, mlp, block (did you mean "mlp"?)',
    ],
    type: [[promised, "mlp"], "Cannot decompose: profile is a promise, expected a profile: await it"],
  },
  distinct: {
    value: [
      [aProfile, entry, { ...entry, layer: -1 }],
      `Cannot compare ranks: below.layer is -1, ${wholeOf(0)}`,
    ],
    type: [
      [aProfile, entry, undefined],
      "Cannot compare ranks: below is undefined, expected an entry of a ranking",
    ],
  },
  divergenceFigure: ofSweep,
  dropOrderFigure: ofProfile,
  droppable: {
    value: [[model.spec, "all"], 'target is "all", expected one of attention, mlp, block, joint'],
    type: [["tiny", "mlp"], 'Cannot count droppable modules: spec is "tiny", expected a model\'s spec'],
  },
  dropsIn: {
    name: [
      [model, { atention: [1] }],
      'Cannot drop modules: unknown name "atention" in plan, expected one of attention, mlp (did you mean "attention"?)',
    ],
    value: [[model, { mlp: [-1] }], `Cannot drop modules: plan.mlp[0] is -1, ${wholeOf(0)}`],
    type: [[model, aProfile], "Cannot drop modules: plan is a profile, expected a plan"],
  },
  effectsFigure: ofCauses,
  estimate: {
    name: [
      ["profile", model, { sample: 2 }],
      'Cannot profile: unknown option "sample", expected one of text, ',
    ],
    value: [["verify", "mistral-7b", { samples: 0 }], `Cannot verify: samples is 0, ${wholeOf(1)}`],
    type: [
      [7, model, {}],
      "Cannot estimate: study is 7, expected one of profile, perplexity, ",
    ],
  },
  evaluate: {
    name: [[model, [{}], { task: ["piqa"] }], 'Cannot evaluate: unknown option "task"'],
    value: [[model, [{}], { limit: 0 }], `Cannot evaluate: limit is 0, ${wholeOf(1)}`],
    type: [[model, {}], "Cannot evaluate: plans is an object, expected a list of plans"],
  },
  examine: { type: [["cpu"], 'Cannot examine: checks is "cpu", expected a list of checks'] },
  exportModel: {
    name: [
      [model, {}, { format: "hf", out: "out", to: "out" }],
      'Cannot export: unknown option "to", expected one of onProgress, onNotice, signal, results, measure, format, out',
    ],
    value: [
      [model, {}, { format: "hff", out: "out" }],
      'Cannot export: format is "hff", expected one of llm-drop, ',
    ],
    type: [[model, 7, { format: "hf", out: "out" }], "Cannot export: plan is 7, expected "],
  },
  generalityClaim: {
    value: [[[aSweep], -1], `Cannot judge a claim: dropped is -1, ${wholeOf(0)}`],
    type: [[[aProfile], 4], "Cannot judge a claim: sweeps[0] is a profile, expected a sweep"],
  },
  generate: {
    name: [
      [model, "a", { token: 3 }],
      'Cannot generate: unknown option "token", expected one of onProgress, ',
    ],
    value: [[model, "a", { topP: 2 }], "Cannot generate: topP is 2, expected a number above 0 and at most 1"],
    type: [[model, undefined], "Cannot generate: prompt is undefined, expected a text"],
  },
  guides: study("measure guides"),
  expertLoadFigure: drawn("result", "a profile"),
  guidesFigure: drawn("result", "a result of guides"),
  help: {
    value: [["profil"], 'Cannot help with "profil": unknown name (did you mean "profile"'],
    type: [[7], "Cannot help: found 7, expected a function of Lamina, or the name of one"],
  },
  comparisonFigure: { type: [[aProfile, aSweep], "Cannot draw: the second is a sweep, expected a profile"] },
  importanceFigure: drawn("profile", "a profile: await it", promised, "a promise"),
  importanceOf: {
    value: [[1, 2], "Cannot compute an importance: s is 2, expected a number from -1 to 1"],
    type: [["1", 0], 'Cannot compute an importance: r is "1", expected a number of at least 0'],
  },
  initCausesFigure: drawn("causes", "a list of causes"),
  initClaim: { type: [[[aProfile]], "models[0] is a profile, expected a result of initModel"] },
  initFitFigure: drawn("models", "a list of models"),
  initMapFigure: drawn("maps", "a list of maps"),
  initModel: untrained("measure untrained models"),
  initModels: untrained("measure untrained models", { a: {} }),
  intervalWords: {
    type: [
      [aSweep, {}],
      "Cannot choose words: the interval is a sweep, expected an interval with low and high",
    ],
  },
  knownModels: { type: [[], ""] },
  magnitudeFigure: ofProfile,
  magnitudeShare: {
    value: [[aProfile, "heads"], 'kind is "heads", expected one of attention, mlp, block'],
    type: [[aSweep, "mlp"], "profile is a sweep, expected a profile"],
  },
  makePlan: {
    name: [
      [aProfile, { target: "mlp", drop: 1, dorp: 2 }],
      'Cannot make a plan: unknown option "dorp", expected one of target, drop, parameters, kvBytes, context, by, seed, protectFirst, protectLast, noNeighbours (did you mean "drop"?)',
    ],
    value: [
      [aProfile, { target: "atention", drop: 1 }],
      'Cannot make a plan: target is "atention", expected one of attention, mlp, block, joint, consecutive (did you mean "attention"?)',
    ],
    type: [[aSweep, { drop: 1 }], "Cannot make a plan: from is a sweep, expected a profile or an order"],
  },
  measuredRatio: {
    type: [[aSweep], "Cannot compare importances: model is a sweep, expected a result of initModel"],
  },
  median: { type: [[aSweep], "Cannot take the median: values is a sweep, expected a list of numbers"] },
  medianGaps: {
    type: [[aSweep], "Cannot compare medians: result is a sweep, expected a result of checkpoints"],
  },
  merge: { type: [[aProfile], "Cannot merge: results is a profile, expected a list of results"] },
  openConfig: {
    name: [["tiny", { steam: true }], '(did you mean "stream"?)'],
    value: [[""], 'Cannot open a configuration: its name is "", expected a text'],
    type: [[7], "Cannot open a configuration: its name is 7, expected a text"],
  },
  openModel: {
    name: [
      ["tiny", { onprogress() {} }],
      'Cannot open: unknown option "onprogress", expected one of onProgress, onNotice, signal, stream, allowFields (did you mean "onProgress"?)',
    ],
    value: [[""], 'Cannot open a model: its name is "", expected a text'],
    type: [["tiny", { stream: "yes" }], 'Cannot open: stream is "yes", expected true or false'],
  },
  openSeries: {
    name: [["run", { step: [1] }], '(did you mean "steps"?)'],
    value: [["run", { steps: [-1] }], `Cannot open: steps[0] is -1, ${wholeOf(0)}`],
    type: [[7], "Cannot open a series: its name is 7, expected a text"],
  },
  observe: {
    name: [[model, ["a"], () => {}, { boss: true }], '(did you mean "bos"?)'],
    value: [
      [model, ["b.norm"], () => {}],
      'Cannot observe: values[0] is "b.norm", expected one of x, a, m, y, q',
    ],
    type: [[model, ["a"], 7], "Cannot observe: see is 7, expected a function"],
  },
  order: ordered("order modules"),
  packText: {
    name: [
      [model, { text: "wiki", samples: 1, length: 2, skip: 0, bos: false, boss: true }],
      '(did you mean "bos"?)',
    ],
    value: [
      [model, { text: "wiki", samples: 0, length: 2, skip: 0, bos: false }],
      `Cannot pack a text: samples is 0, ${wholeOf(1)}`,
    ],
    type: [[model, { text: "wiki" }], `Cannot pack a text: samples is undefined, ${wholeOf(1)}`],
  },
  paired: { type: [[perplexity(), aProfile], "Cannot pair runs: base is a profile, expected a perplexity"] },
  perplexities: {
    ...study("measure perplexities", [{}]),
    type: [[model, {}], "Cannot measure perplexities: plans is an object, expected a list of plans"],
  },
  predictInit: untrained("predict"),
  profile: {
    name: [
      [model, { sample: 2 }],
      'Cannot profile: unknown option "sample", expected one of text, samples, length, skip, bos, onProgress, onNotice, signal, engine, precision, force, results, drop (did you mean "samples"?)',
    ],
    value: [[model, { samples: 0.5 }], `Cannot profile: samples is 0.5, ${wholeOf(1)}`],
    type: [[model, { samples: "2" }], `Cannot profile: samples is "2", ${wholeOf(1)}`],
  },
  pruneCache: {
    value: [["al"], 'Cannot prune the cache: names is "al", expected one of all (did you mean "all"?)'],
    type: [[undefined], "Cannot prune the cache: names is undefined, expected a list of names"],
  },
  qualityBySteps: {
    type: [[aSweep], "Cannot list quality: result is a sweep, expected a result of checkpoints"],
  },
  qualityFigure: ofSweep,
  randomInit: untrained("measure untrained models"),
  rank: {
    value: [
      [aProfile, "mlp", "deep"],
      'Cannot rank: by is "deep", expected one of importance, magnitude, random, deepest (did you mean "deepest"?)',
    ],
    type: [[aSweep, "mlp"], "Cannot rank: profile is a sweep, expected a profile"],
  },
  ratioMap: {
    ...untrained("map ratios", [64], [0.02]),
    value: [[named, [64], [0]], "Cannot map ratios: stds[0] is 0, expected a number above 0"],
  },
  reading: { type: [["8 dropped"], 'Cannot read out: the sentence is "8 dropped", expected a template'] },
  readResult: {
    value: [["a.json", "profil"], 'Cannot read a result: kinds[0] is "profil", expected one of profile, '],
    type: [[7, "profile"], "Cannot read a result: path is 7, expected a text"],
  },
  removalAgreement: {
    type: [[aSweep], "Cannot correlate: removals is a sweep, expected a list of removals"],
  },
  removals: {
    ...study("remove modules", aProfile, "mlp"),
    value: [
      [model, aProfile, "block"],
      'Cannot remove modules: kind is "block", expected one of attention, mlp',
    ],
  },
  riseOf: {
    value: [[{ rise: 1, riseError: 0 }, 0], `Cannot compare losses: samples is 0, ${wholeOf(1)}`],
    type: [[aSweep, 2], "Cannot compare losses: the point is a sweep, expected a point of a sweep"],
  },
  roofline: {
    name: [["llama-2-7b", { device: "a100", bit: 4 }], '(did you mean "bits"?)'],
    value: [
      ["llama-2-7b", { device: "a100", bits: 8 }],
      "Cannot draw a roofline: bits is 8, expected 16 or 4",
    ],
    type: [
      ["llama-2-7b", { device: "a100", batch: 4 }],
      "Cannot draw a roofline: batch is 4, expected a list of batch sizes",
    ],
  },
  rooflineFigure: {
    value: [[[]], "Cannot draw: the number of rooflines is 0, expected at least 1"],
    type: [[aSweep], "Cannot draw: results is a sweep, expected a list of rooflines"],
  },
  signFigure: ofProfile,
  smoothingFigure: ofCauses,
  speed: timed("measure speed"),
  speedFigure: drawn("result", "a measured speed"),
  stabilityFigure: ofProfile,
  sweep: {
    ...study("sweep", aProfile, [curve], [1]),
    type: [[model, aSweep, [curve]], "Cannot sweep: profile is a sweep, expected a profile"],
  },
  sweepSteps: {
    value: [[-1], `Cannot make steps: upto is -1, ${wholeOf(0)}`],
    type: [["8"], `Cannot make steps: upto is "8", ${wholeOf(0)}`],
  },
  textsFigure: drawn("profiles", "a list of profiles"),
  trainingClaim: {
    type: [[aSweep], "Cannot judge a claim: results is a sweep, expected a list of results of checkpoints"],
  },
  trendsOf: {
    value: [
      [{ kind: "checkpoints", series: [] }, "joint"],
      'kind is "joint", expected one of attention, mlp, block',
    ],
    type: [[aSweep, "mlp"], "Cannot find trends: result is a sweep, expected a result of checkpoints"],
  },
  untrainedCauses: untrained("measure causes"),
  updateNormsFigure: ofMany,
  verify: {
    name: [["mistral-7b", { modle: model }], 'Cannot verify: unknown option "modle"'],
    value: [
      ["llama-2-13", { model }],
      'Cannot verify: model of the paper is "llama-2-13", expected one of mistral-7b, llama-2-13b (did you mean "llama-2-13b"?)',
    ],
    type: [
      [7],
      "Cannot verify: model of the paper is 7, expected a model of the paper, or orders to compare with",
    ],
  },
  verifyCache: {
    name: [[[], { onprogres() {} }], '(did you mean "onProgress"?)'],
    type: [["tiny"], 'Cannot verify the cache: names is "tiny", expected a list of names'],
  },
  writeResult: { type: [["a.json", 7], "Cannot write a result: it is 7, expected a profile or"] },
  zipfText: {
    value: [[8, 0, 2], `Cannot draw a text: samples is 0, ${wholeOf(1)}`],
    type: [["8", 1, 2], `Cannot draw a text: vocabulary is "8", ${wholeOf(1)}`],
  },
};

const functions = Object.entries(lamina).filter(([, value]) => typeof value === "function")
  .map(([name, value]) => [name, value as (...args: unknown[]) => unknown] as const);

/** Shows anything, or says why not: tests/show. */
const ANYTHING = ["show"];

Deno.test("every public function is in a row, and every row is of one", () => {
  const names = functions.map(([name]) => name).filter((name) => !ANYTHING.includes(name));
  assert.deepEqual(Object.keys(rows).sort(), names.sort());
});

for (const [name, call] of functions) {
  for (const [what, wrong] of Object.entries(rows[name] ?? {}) as [keyof Row, Call][]) {
    const [args, message] = wrong;
    if (message === "") continue; // it takes no arguments
    Deno.test(`${name}: a wrong ${what} is one clear error`, async () => {
      const error = await (async () => await call(...args))().then(
        () => assert.fail("no error"),
        (error) => error,
      );
      assert.ok(error.message.startsWith("Cannot ") && error.message.includes(message), error.message);
      assert.equal(error.name, what === "value" ? "RangeError" : "TypeError", error.message);
    });
  }
}

Deno.test("an engine is one of the names or an engine itself, a precision one that the engine has; an error names the option", async () => {
  const studies: [verb: string, call: (options: object) => Promise<unknown>][] = [
    ["profile", (options) => lamina.profile(model as never, options)],
    ["generate", (options) => lamina.generate(model as never, "a", options)],
    ["measure causes", (options) => lamina.causes(model as never, options)],
    ["measure untrained models", (options) => lamina.randomInit("llama-2-7b", options)],
    ["profile checkpoints", (options) => lamina.checkpoints(series as never, options)],
  ];
  for (const [verb, call] of studies) {
    await assert.rejects(call({ engine: "cudda" }), {
      name: "RangeError",
      message:
        `Cannot ${verb}: engine is "cudda", expected one of auto, cpu, webgpu, cuda (did you mean "cuda"?)`,
    });
    await assert.rejects(call({ precision: "float16" }), {
      name: "RangeError",
      message:
        `Cannot ${verb}: precision is "float16", expected one of float32, tf32, bfloat16 (did you mean "bfloat16"?)`,
    });
    await assert.rejects(call({ engine: {} }), { name: "TypeError" });
  }
  await withTiny(async ({ model, options }) => {
    const { results: _, engine: _engine, ...text } = options;
    await assert.rejects(lamina.profile(model, { ...text, engine: "cpu", precision: "tf32" }), {
      name: "RangeError",
      message: 'Cannot use the engine cpu: precision is "tf32", expected float32',
    });
    await assert.rejects(lamina.profile(model, { ...text, engine, precision: "tf32" }), {
      name: "RangeError",
      message: 'Cannot use the engine: precision is "tf32", expected float32, the engine\'s own',
    });
    const [byName, itself] = [
      await lamina.profile(model, { ...text, engine: "cpu", precision: "float32" }),
      await lamina.profile(model, { ...text, engine }),
    ];
    assert.deepEqual(byName, itself);
  });
});

Deno.test("a name stands for the model, which is opened for the study; an unknown one is told as openModel does", async () => {
  await assert.rejects(lamina.profile("smollm3"), /Cannot open smollm3: unknown name/);
  await assert.rejects(lamina.generate("smollm3", "a"), /Cannot open smollm3: unknown name/);
  await assert.rejects(
    lamina.randomInit("llama-9"),
    /Cannot open llama-9: .* or one of the configurations .*llama-2-7b/,
  );
});

Deno.test("a study of a name gives what that of the opened model gives, and leaves nothing open", () =>
  withTiny(async ({ model, folder, options: { results: _, ...options } }) => {
    const opened = async () => {
      await new Promise((resolve) => setTimeout(resolve, 10)); // files are closed after what is being read
      return filesIn(folder).length;
    };
    const [wanted, before] = [await lamina.profile(model, options), await opened()];
    assert.ok(before > 0 || Deno.build.os !== "linux");
    assert.deepEqual(await lamina.profile(folder, options), wanted);
    assert.equal(await opened(), before);
    await assert.rejects(lamina.profile(folder, { ...options, text: "no/such" }), /Cannot read text/);
    assert.equal(await opened(), before);
  }));

/** Open files in a folder; none where the system does not tell. */
function filesIn(folder: string): string[] {
  if (Deno.build.os !== "linux") return [];
  return [...Deno.readDirSync("/proc/self/fd")].flatMap(({ name }) => {
    try {
      const path = Deno.readLinkSync(`/proc/self/fd/${name}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return []; // the one that lists them
    }
  });
}
