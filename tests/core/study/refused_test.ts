/** What studies refuse: a sentence for each wrong option. */
import assert from "node:assert/strict";
import type { Plan } from "core/result/mod.ts";
import { logits, observe } from "features/observe/mod.ts";
import { causes } from "features/causes/mod.ts";
import { fit } from "features/fit/mod.ts";
import { guides, order, type OrderOptions } from "features/orders/mod.ts";
import { perplexities } from "features/losses/mod.ts";
import { profile, type ProfileOptions } from "features/profile/mod.ts";
import { randomInit } from "features/untrained/mod.ts";
import { repair } from "features/repair/mod.ts";
import { sweep } from "features/sweep/mod.ts";
import { idle, refuses } from "../../support.ts";
import { kept, named, type Opened, withTiny } from "./tiny.ts";

/** Opens the tiny Llama, under that name, on an engine that computes nothing; afterwards nothing may be kept. */
const refusing = (what: string, use: (opened: Opened) => Promise<void>) =>
  Deno.test(`${what}: wrong options are refused before anything is computed or kept`, () =>
    withTiny(async ({ model, folder, options: own }) => {
      const options = { ...own, engine: idle };
      await use({ model: named(model), folder, options });
      assert.deepEqual(kept(options.results), []);
    }));

const most = "upto is 4, expected at most 3, the number that the model and the constraints allow";
const call = (study: () => unknown) => study();

refusing("profile", async ({ model, options }) => {
  await refuses("Cannot ", (own: ProfileOptions) => profile(model, { ...options, ...own }), [
    [{ samples: 10_000 }, /^Cannot pack 10000 blocks of 16 tokens: \S+ has \d+ tokens, enough for \d+ of/],
    [{ text: "no/such.txt" }, "read text no/such.txt: no such file, expected a file or one of", "Error"],
    [{ drop: { attention: [3] } }, "drop attention 3"],
    [{ length: 1e9 }, "length is 1000000000, expected at most 268435456"],
  ]);
});

refusing("fit, sweep and guides of a text that cannot be had", ({ model, options }) => {
  const calibrated = { ...options, calibration: { text: options.text!, samples: 2, length: 16 } };
  const missing = { text: `${options.results}/none.txt` };
  return refuses("Cannot read text ", call, [
    [() => fit(model, { ...calibrated, ...missing, loss: 1 }), "none.txt: no such file", "Error"],
    [() => sweep(model, { ...calibrated, ...missing }), "none.txt: no such file", "Error"],
    [() => guides(model, { ...options, heldOut: missing.text }), "none.txt: no such file", "Error"],
  ]);
});

refusing("order", async ({ model, options }) => {
  const target = "consecutive";
  const by = (own: Partial<OrderOptions>) => order(model, { ...options, target: "attention", ...own });
  await refuses("Cannot order ", by, [
    [{ upto: 4 }, most],
    [{ upto: 2, protectFirst: 1, protectLast: 1 }, "upto is 2, expected at most 1"],
    [{ protectFirst: 3 }, "no module can be dropped, expected at least one"],
    [{ target, by: "greedy" }, "windows of n blocks do not extend those of n − 1"],
    [{ target, noNeighbours: true }, "noNeighbours is true, expected false"],
  ]);
  const without = (which: number[], none: object) => {
    const layers = model.spec.layers.map((layer, l) => which.includes(l) ? { ...layer, ...none } : layer);
    return { ...model, spec: { ...model.spec, layers } };
  };
  const holed = without([1], { attention: null, mlp: null });
  const bare = without([0, 1, 2], { attention: null });
  const none = "order attention of tiny by importance: no module can be dropped";
  await refuses("Cannot order ", call, [
    [() => order(holed, { ...options, target }), "layer 1 has neither attention nor MLP, expected a module"],
    [() => order(bare, { ...options, target: "attention" }), none],
  ]);
});

refusing("observe", async ({ model, options: { text, engine } }) => {
  await refuses("Cannot ", (own: object) => observe(model, () => {}, { engine, values: ["a"], ...own }), [
    [{ values: ["a.nrm"] }, /^Cannot observe: values\[0\] is "a\.nrm".*did you mean "a\.norm"/],
    [{ values: [] }, "observe: the number of values is 0"],
    [{ ids: [[1, 2], [3]] }, "ids[1] has 1 tokens, expected 2"],
    [{ ids: [[1, 64]] }, /id 64 is not a token of .*expected an id below 64/],
    [{ ids: [[1, 2]], text }, "found ids and text", "TypeError"],
  ]);
});

refusing("perplexities", async ({ model, options }) => {
  const measured = (own: object) => perplexities(model, [{}], { ...options, ...own });
  const by = () => {};
  await refuses("Cannot measure perplexities: ", (change: unknown) => measured({ change }), [
    [by, "change is a function, expected a change of values as", "TypeError"],
    [{ by }, "change.values is missing", "TypeError"],
    [{ values: ["a"] }, "change.by is missing", "TypeError"],
    [{ values: ["logits"], by }, 'change.values[0] is "logits"'],
    [{ values: [], by }, "the number of values is 0, expected at least 1"],
    [{ values: ["a"], by: 7 }, "change.by is 7, expected a function", "TypeError"],
    [{ values: ["a"], by, layers: [1] }, 'unknown name "layers" in change', "TypeError"],
  ]);
  await refuses("Cannot measure perplexities: ", measured, [
    [{ samples: 1e9 }, "samples is 1000000000, expected at most 268435456"],
  ]);
});

refusing("studies of plans and tokens that a model lacks", async ({ model, options }) => {
  const { engine, results: _, ...text } = options;
  const rotated = { changes: [{ layer: 0, module: "attention", to: "rotated" }] } as unknown as Plan;
  const drop = { attention: [9], mlp: [] };
  const by = (by: string) => ({ ...options, by: [by as "loss"] });
  await refuses("Cannot ", call, [
    [() => logits(model, [64], { engine }), "logits: id 64 is not a token of tiny, expected an id below 64"],
    [() => logits(model, [1], { drop, engine }), "drop attention 9"],
    [() => causes(model, { ...options, drop }), "drop attention 9"],
    [() => perplexities(model, [rotated], options), 'plans[0].changes[0].to is "rotated"'],
    [() => repair(model, {}, { ...text, engine }), "the plan drops nothing, expected at least one dropped"],
    [() => repair(model, drop, { by: "rotate" as "mean" }), 'by is "rotate", expected one of mean, refit'],
    [() => sweep(model, { ...options, targets: ["mlp"], upto: 4 }), `sweep mlp of tiny: ${most}`],
    [() => sweep(model, by("gredy")), 'did you mean "greedy"'],
  ]);
});

refusing("random-init", async ({ folder, options: { engine } }) => {
  await refuses("Cannot ", (sizes: object) => randomInit(folder, { ...sizes, engine }), [
    [{ samples: 1e9 }, "samples is 1000000000, expected at most 268435456"],
    [{ seeds: 1e9 }, "seeds is 1000000000, expected at most 65536"],
    [{ hidden: 1e9 }, "hidden is 1000000000, expected at most 1048576"],
    [{ layers: 1e9 }, "layers is 1000000000, expected at most 4096"],
  ]);
});
