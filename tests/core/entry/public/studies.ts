/** Functions that open a model, run it, or tell what that would take. */
import { ORDERS } from "core/result/mod.ts";
import { aSweep, cannot, model, named, type Row, series, study, untrained, wholeOf } from "./rows.ts";

export const studies: Readonly<Record<string, Row>> = {
  causes: study("measure causes"),
  certify: cannot("compare models", {
    name: [[model, {}, { sample: 2 }], 'unknown option "sample", expected one of text, '],
    value: [[model, {}, { within: 0 }], "within is 0, expected a number above 0"],
    type: [[model, 7], "other is 7, expected "],
  }),
  checkpoints: cannot("profile checkpoints", {
    name: [[series, { qualty: "wiki" }], '(did you mean "quality"?)'],
    value: [[series, { length: 1 }], `length is 1, ${wholeOf(2)}`],
    type: [["run"], 'series is "run", expected a series from openSeries'],
  }),
  computedRatio: untrained("compute a ratio"),
  estimate: {
    name: [
      ["profile", model, { sample: 2 }],
      'Cannot profile: unknown option "sample", expected one of text, ',
    ],
    value: [["profile", model, { samples: 0 }], `Cannot profile: samples is 0, ${wholeOf(1)}`],
    type: [[7, model, {}], "Cannot estimate: study is 7, expected one of profile, perplexity, "],
  },
  evaluate: cannot("evaluate", {
    name: [[model, [{}], { task: ["piqa"] }], 'unknown option "task"'],
    value: [[model, [{}], { limit: 0 }], `limit is 0, ${wholeOf(1)}`],
    type: [[model, {}], "plans is an object, expected a list of plans"],
  }),
  exportModel: cannot("export", {
    name: [[model, {}, { format: "hf", out: "out", to: "out" }], 'unknown option "to", expected one of'],
    value: [[model, {}, { format: "hff", out: "out" }], 'format is "hff", expected one of llm-drop, '],
    type: [[model, 7, { format: "hf", out: "out" }], "plan is 7, expected "],
  }),
  generate: cannot("generate", {
    name: [[model, [{}], "a", { token: 3 }], 'unknown option "token", expected one of onProgress, '],
    value: [[model, [{}], "a", { tokens: 0 }], `tokens is 0, ${wholeOf(1)}`],
    type: [[model, [{}], undefined], "prompt is missing, expected a text"],
  }),
  guides: study("measure guides"),
  initModel: untrained("measure untrained models"),
  initModels: untrained("measure untrained models", { a: {} }),
  logits: cannot("compute logits", {
    name: [[model, [1], { dorp: {} }], 'unknown option "dorp"'],
    value: [[model, []], "the number of token ids is 0, expected at least 1"],
    type: [[model, 7], "text is 7, expected a text or a list of token ids"],
  }),
  losses: cannot("compute losses", {
    name: [[model, [1, 2], { dorp: {} }], 'unknown option "dorp"'],
    value: [[model, [1]], "the number of token ids is 1, expected at least 2"],
    type: [[model, 7], "text is 7, expected a text or a list of token ids"],
  }),
  observe: cannot("observe", {
    name: [[model, () => {}, { values: ["a"], boss: true }], '(did you mean "bos"?)'],
    value: [[model, () => {}, { values: ["b.norm"] }], 'values[0] is "b.norm", expected one of x, a, m, y,'],
    type: [[model, 7, { values: ["a"] }], "see is 7, expected a function"],
  }),
  spikes: study("find spikes"),
  spikeConstants: study("measure constants", 0, 1),
  openConfig: cannot("open a configuration", {
    name: [["tiny", { steam: true }], '(did you mean "stream"?)'],
    value: [[""], 'its name is "", expected a text'],
    type: [[7], "its name is 7, expected a text"],
  }),
  info: {
    name: [["tiny", { strem: true }], 'Cannot describe: unknown option "strem", expected one of onProgress'],
    type: [[{}], "Cannot describe: model is an object, expected a model that was opened from files"],
  },
  openModel: {
    name: [["tiny", { onprogress() {} }], '(did you mean "onProgress"?)'],
    value: [[""], 'Cannot open a model: its name is "", expected a text'],
    type: [["tiny", { stream: "yes" }], 'Cannot open: stream is "yes", expected true or false'],
  },
  openSeries: {
    name: [["run", { step: [1] }], '(did you mean "steps"?)'],
    value: [["run", { steps: [-1] }], `Cannot open: steps[0] is -1, ${wholeOf(0)}`],
    type: [[7], "Cannot open a series: its name is 7, expected a text"],
  },
  order: cannot("order modules", {
    name: [[model, { target: "mlp", form: 1 }], 'unknown option "form", expected one of text, '],
    value: [
      [model, { target: "mlp", by: "gredy" }],
      `by is "gredy", expected one of ${ORDERS.join(", ")} (did you mean "greedy"?)`,
    ],
    type: [[model, {}], "target is missing, expected one of attention, mlp, block, joint, "],
  }),
  packText: cannot("pack a text", {
    name: [
      [model, { text: "wiki", samples: 1, length: 2, skip: 0, bos: false, boss: true }],
      '(did you mean "bos"?)',
    ],
    value: [
      [model, { text: "wiki", samples: 0, length: 2, skip: 0, bos: false }],
      `samples is 0, ${wholeOf(1)}`,
    ],
    type: [[model, { text: "wiki" }], `samples is missing, ${wholeOf(1)}`],
  }),
  perplexities: {
    ...study("measure perplexities", [{}]),
    type: [[model, {}], "Cannot measure perplexities: plans is an object, expected a list of plans"],
  },
  predictInit: untrained("predict"),
  profile: cannot("profile", {
    name: [
      [model, { sample: 2 }],
      'unknown option "sample", expected one of text, samples, length, skip, bos, onProgress, onNotice, signal, engine, precision, memory, force, results, drop (did you mean "samples"?)',
    ],
    value: [[model, { samples: 0.5 }], `samples is 0.5, ${wholeOf(1)}`],
    type: [[model, { samples: "2" }], `samples is "2", ${wholeOf(1)}`],
  }),
  pruneCache: {
    value: [["al"], 'Cannot prune the cache: names is "al", expected one of all (did you mean "all"?)'],
    type: [[undefined], "Cannot prune the cache: names is missing, expected a list of names"],
  },
  randomInit: untrained("measure untrained models"),
  ratioMap: cannot("map ratios", {
    name: [[named, { widths: [64], stds: [0.02], sed: 1 }], 'unknown option "sed", expected one of '],
    type: [[7, {}], "configuration is 7, expected a configuration from openConfig"],
    value: [[named, { widths: [64], stds: [0] }], "stds[0] is 0, expected a number above 0"],
  }),
  repair: {
    ...study("repair", { mlp: [1] }),
    value: [[model, { mlp: [1] }, { by: "maen" }], 'Cannot repair: by is "maen", expected one of mean'],
  },
  fit: cannot("fit", {
    name: [[model, { los: 1 }], '(did you mean "loss"?)'],
    value: [[model, { kld: 0 }], "kld is 0, expected a divergence of at least 0.001 nats"],
    type: [[model, { kld: "0.1" }], 'kld is "0.1", expected a divergence of at least 0.001 nats'],
  }),
  roofline: cannot("draw a roofline", {
    name: [["llama-2-7b", { device: "a100", bit: 4 }], '(did you mean "bits"?)'],
    value: [["llama-2-7b", { device: "a100", bits: 8 }], "bits is 8, expected 16 or 4"],
    type: [["llama-2-7b", { device: "a100", batch: 4 }], "batch is 4, expected a list of batch sizes"],
  }),
  speed: cannot("measure speed", {
    name: [[model, [], { contexts: [1] }], '(did you mean "context"?)'],
    value: [[model, [], { context: [0] }], `context[0] is 0, ${wholeOf(1)}`],
    type: [[model, [], { context: 128 }], "context is 128, expected a list of contexts"],
  }),
  sweep: {
    ...study("sweep"),
    type: [[model, { profile: aSweep }], "Cannot sweep: profile is a sweep, expected a profile"],
  },
  verifyCache: {
    name: [[[], { onprogres() {} }], '(did you mean "onProgress"?)'],
    type: [["tiny"], 'Cannot verify the cache: names is "tiny", expected a list of names'],
  },
  zipfText: {
    value: [[8, { samples: 0, length: 2 }], `Cannot draw a text: samples is 0, ${wholeOf(1)}`],
    type: [["8", { samples: 1, length: 2 }], `Cannot draw a text: vocabulary is "8", ${wholeOf(1)}`],
  },
  interactions: cannot("compare costs", {
    name: [
      [model, { drops: [{}], types: [{}], sample: 2 }],
      'unknown option "sample", expected one of text, ',
    ],
    value: [[model, { drops: [], types: [{}] }], "the number of plans is 0, expected at least 1"],
    type: [[model, { drops: [{}] }], "types is missing, expected a list of plans"],
  }),
  withoutContext: cannot("measure values without context", {
    name: [[model, { sample: 2 }], 'unknown option "sample", expected one of text, '],
    value: [[model, { from: ["tokens"] }], 'from[0] is "tokens", expected one of token, embedding, mean'],
    type: [[model, { layers: [1] }], "layers[0] is 1, expected a list of layers"],
  }),
};
