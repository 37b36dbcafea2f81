/** Orders by what dropping costs on a task: the mean margin of right answers, as an evaluation's log-likelihoods have it. */
import assert from "node:assert/strict";
import { mean } from "../../src/measure/mod.ts";
import { type Evaluation, parseResult, resultText } from "../../src/result/mod.ts";
import { tableText } from "../../src/show/mod.ts";
import { estimate, evaluate, makePlan, order, type OrderOptions } from "../../src/study/mod.ts";
import { engine } from "../support.ts";
import { withTiny } from "./tiny.ts";

const TASK = "openbookqa";
const ASKED = { target: "attention", by: "loss", on: TASK, limit: 12, engine } as const;

/** The mean log-likelihood of right answers above that of the best wrong one. */
const marginIn = ({ tasks }: Evaluation) =>
  mean(
    tasks[TASK].items.map(({ loglikelihoods, gold }) =>
      loglikelihoods[gold!] - Math.max(...loglikelihoods.filter((_, i) => i !== gold))
    ),
  );

Deno.test("modules are ordered by how far the margin of right answers falls; a search measures again with its drops", () =>
  withTiny(async ({ model, folder }) => {
    const results = `${folder}/results`;
    const found = await order(model, { ...ASKED, results });
    const { layers } = model.spec;
    const plans = layers.map((_, layer) => ({ attention: [layer] }));
    const evaluated = await evaluate(model, [{}, ...plans], { tasks: [TASK], limit: 12, prompts: 0, engine });
    const [full, ...dropped] = evaluated.map(marginIn);
    assert.equal(found.order.length, layers.length);
    for (const { layer, score } of found.order) {
      // Sums of some hundred nats in float32, in other batches.
      assert.ok(Math.abs(score! - (full - dropped[layer])) < 2e-3, `layer ${layer}: ${score}`);
    }
    const scores = found.order.map(({ score }) => score!);
    assert.deepEqual(scores, scores.toSorted((a, b) => a - b));
    assert.deepEqual(found.on, { task: TASK, documents: 12 });
    assert.deepEqual([found.provenance.text.name, found.provenance.packing.samples], [TASK, 12]);
    assert.deepEqual(parseResult("one", resultText(found), "order"), found);
    assert.match(tableText([found]), /12 documents of openbookqa\n.*margin lost, nats/);
    assert.deepEqual(makePlan(found, { drop: 1 }).attention, [found.order[0].layer]);

    const greedy = await order(model, { ...ASKED, by: "greedy", upto: 2, results });
    assert.deepEqual(greedy.order[0], found.order[0]);
    const both = greedy.order.map(({ layer }) => layer).sort((a, b) => a - b);
    const [, pair] = await evaluate(model, [{}, { attention: both }], {
      tasks: [TASK],
      limit: 12,
      prompts: 0,
      engine,
    });
    assert.ok(Math.abs(greedy.order[1].score! - (full - marginIn(pair))) < 2e-3);

    const notices: string[] = [];
    assert.deepEqual(
      await order(model, { ...ASKED, results, onNotice: (line) => void notices.push(line) }),
      found,
    );
    assert.match(notices.join("\n"), /reused from an earlier run/);
    // Other documents are another order.
    const fewer = await order(model, { ...ASKED, limit: 6, results });
    assert.notDeepEqual(fewer.provenance.text.hash, found.provenance.text.hash);
    assert.ok((await estimate("order", model, ASKED)).flops > 0);
  }));

Deno.test("a task without margins, a score that measures no removal, and a text beside a task are refused", () =>
  withTiny(async ({ model }) => {
    const refused = (options: Partial<OrderOptions>, expected: RegExp) =>
      assert.rejects(order(model, { ...ASKED, ...options }), expected);
    await refused({ on: "gsm8k" }, /margins of gsm8k: found answers that are written, expected choices/);
    await refused({ on: "lambada_openai" }, /margins of lambada_openai: found one continuation/);
    await refused({ on: "opnbookqa" }, /did you mean openbookqa/);
    await refused({ by: "importance" }, /found on without by loss or greedy, expected both/);
    await refused({ text: "wiki" }, /found on beside text/);
    await refused({ on: undefined }, /found limit without on/);
  }));
