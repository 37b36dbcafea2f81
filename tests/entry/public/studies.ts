/** Functions that open a model, run it, or tell what that would take. */
import {
  aProfile,
  aSweep,
  model,
  named,
  ordered,
  type Row,
  series,
  study,
  timed,
  untrained,
  wholeOf,
} from "./rows.ts";

export const studies: Readonly<Record<string, Row>> = {
  againstLlmDrop: study("compare with llm-drop"),
  attentionOf: {
    name: [
      [model, "a", { heads: [], boss: true }],
      'unknown option "boss", expected one of onProgress, onNotice, signal, engine, precision, memory, bos, heads (did you mean "bos"?)',
    ],
    value: [
      [model, "a", { heads: [{ layer: 0, head: -1 }] }],
      `Cannot look at attention: heads[0].head is -1, ${wholeOf(0)}`,
    ],
    type: [[model, 7, { heads: [] }], "Cannot look at attention: text is 7, expected a text"],
  },
  causes: study("measure causes"),
  checkpoints: {
    name: [[series, { qualty: "wiki" }], '(did you mean "quality"?)'],
    value: [[series, { length: 1 }], `Cannot profile checkpoints: length is 1, ${wholeOf(2)}`],
    type: [["run"], 'Cannot profile checkpoints: series is "run", expected a series from openSeries'],
  },
  computedRatio: untrained("compute a ratio"),
  estimate: {
    name: [
      ["profile", model, { sample: 2 }],
      'Cannot profile: unknown option "sample", expected one of text, ',
    ],
    value: [["profile", model, { samples: 0 }], `Cannot profile: samples is 0, ${wholeOf(1)}`],
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
  exportModel: {
    name: [
      [model, {}, { format: "hf", out: "out", to: "out" }],
      'Cannot export: unknown option "to", expected one of onProgress, onNotice, signal, results, measure, card, format, out',
    ],
    value: [
      [model, {}, { format: "hff", out: "out" }],
      'Cannot export: format is "hff", expected one of llm-drop, ',
    ],
    type: [[model, 7, { format: "hf", out: "out" }], "Cannot export: plan is 7, expected "],
  },
  generate: {
    name: [
      [model, "a", { token: 3 }],
      'Cannot generate: unknown option "token", expected one of onProgress, ',
    ],
    value: [
      [model, "a", { topP: 2 }],
      "Cannot generate: topP is 2, expected a probability above 0 and at most 1, such as 0.9 or 90%",
    ],
    type: [[model, undefined], "Cannot generate: prompt is missing, expected a text"],
  },
  generation: {
    ...study("measure generation", [{}]),
    value: [
      [model, []],
      "Cannot measure generation: the number of plans is 0, expected at least 1",
    ],
  },
  guides: study("measure guides"),
  initModel: untrained("measure untrained models"),
  initModels: untrained("measure untrained models", { a: {} }),
  logits: {
    name: [[model, [1], { dorp: {} }], 'Cannot compute logits: unknown option "dorp"'],
    value: [[model, []], "Cannot compute logits: the number of token ids is 0, expected at least 1"],
    type: [[model, "the"], 'Cannot compute logits: ids is "the", expected a list of token ids'],
  },
  losses: {
    name: [[model, [1, 2], { dorp: {} }], 'Cannot compute losses: unknown option "dorp"'],
    value: [[model, [1]], "Cannot compute losses: the number of token ids is 1, expected at least 2"],
    type: [[model, "the"], 'Cannot compute losses: ids is "the", expected a list of token ids'],
  },
  observe: {
    name: [[model, () => {}, { values: ["a"], boss: true }], '(did you mean "bos"?)'],
    value: [
      [model, () => {}, { values: ["b.norm"] }],
      'Cannot observe: values[0] is "b.norm", expected one of x, a, m, y, q',
    ],
    type: [[model, 7, { values: ["a"] }], "Cannot observe: see is 7, expected a function"],
  },
  openConfig: {
    name: [["tiny", { steam: true }], '(did you mean "stream"?)'],
    value: [[""], 'Cannot open a configuration: its name is "", expected a text'],
    type: [[7], "Cannot open a configuration: its name is 7, expected a text"],
  },
  info: {
    name: [["tiny", { strem: true }], 'Cannot describe: unknown option "strem", expected one of onProgress'],
    type: [[{}], "Cannot describe: model is an object, expected a model that was opened from files"],
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
    type: [[model, { text: "wiki" }], `Cannot pack a text: samples is missing, ${wholeOf(1)}`],
  },
  perplexities: {
    ...study("measure perplexities", [{}]),
    type: [[model, {}], "Cannot measure perplexities: plans is an object, expected a list of plans"],
  },
  predictInit: untrained("predict"),
  profile: {
    name: [
      [model, { sample: 2 }],
      'Cannot profile: unknown option "sample", expected one of text, samples, length, skip, bos, onProgress, onNotice, signal, engine, precision, memory, force, results, drop (did you mean "samples"?)',
    ],
    value: [[model, { samples: 0.5 }], `Cannot profile: samples is 0.5, ${wholeOf(1)}`],
    type: [[model, { samples: "2" }], `Cannot profile: samples is "2", ${wholeOf(1)}`],
  },
  pruneCache: {
    value: [["al"], 'Cannot prune the cache: names is "al", expected one of all (did you mean "all"?)'],
    type: [[undefined], "Cannot prune the cache: names is missing, expected a list of names"],
  },
  randomInit: untrained("measure untrained models"),
  ratioMap: {
    name: [
      [named, { widths: [64], stds: [0.02], sed: 1 }],
      'Cannot map ratios: unknown option "sed", expected one of ',
    ],
    type: [[7, {}], "Cannot map ratios: configuration is 7, expected a configuration from openConfig"],
    value: [
      [named, { widths: [64], stds: [0] }],
      "Cannot map ratios: stds[0] is 0, expected a number above 0",
    ],
  },
  repair: {
    ...study("repair", { mlp: [1] }),
    value: [[model, { mlp: [1] }, { by: "maen" }], 'Cannot repair: by is "maen", expected one of mean'],
  },
  removals: {
    ...study("remove modules", aProfile),
    value: [
      [model, aProfile, { kind: "block" }],
      'Cannot remove modules: kind is "block", expected one of attention, mlp',
    ],
  },
  fit: {
    name: [[model, { los: 1 }], '(did you mean "loss"?)'],
    value: [[model, { loss: 0 }], "Cannot fit: loss is 0, expected a number above 0"],
    type: [[model, { loss: 1, profile: aSweep }], "Cannot fit: profile is a sweep, expected a profile"],
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
  speed: timed("measure speed"),
  sweep: {
    ...study("sweep"),
    type: [[model, { profile: aSweep }], "Cannot sweep: profile is a sweep, expected a profile"],
  },
  untrainedCauses: untrained("measure causes"),
  verifyCache: {
    name: [[[], { onprogres() {} }], '(did you mean "onProgress"?)'],
    type: [["tiny"], 'Cannot verify the cache: names is "tiny", expected a list of names'],
  },
  zipfText: {
    value: [[8, { samples: 0, length: 2 }], `Cannot draw a text: samples is 0, ${wholeOf(1)}`],
    type: [["8", { samples: 1, length: 2 }], `Cannot draw a text: vocabulary is "8", ${wholeOf(1)}`],
  },
};
