/** The study of orders against its parts: each plan is the profile's, each rise is that of the plan alone, the halves name and measure. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { mean, standardError } from "../../src/measure/mod.ts";
import { fit, guides, makePlan, orders, perplexities, profile, sweep } from "../../src/study/mod.ts";
import { ordersFigure, rowsOf, tableText } from "../../src/show/mod.ts";
import { lossDifferences } from "../../src/study/passes/perplexity.ts";
import { kept, withTiny, withTrained } from "./tiny.ts";

const [readme, licence] = ["README.md", "LICENSE"].map((name) =>
  fileURLToPath(new URL(`../../${name}`, import.meta.url))
);

Deno.test("orders: plans are those of the profiles, rises those of the plans, and halves of the samples name and measure", () =>
  withTrained("peri-ln", async (model) => {
    const sizes = { calibrationSamples: 1, samples: 5, length: 16, text: licence };
    const [texts, lengths, targets] = [[readme, licence], [16, 32], ["mlp"]] as const;
    const by = ["importance", "largest"] as const;
    const result = await orders(model, { ...sizes, texts, lengths, targets, by });
    const skip = 32 / 16; // the order's own blocks are not measured on
    assert.equal(result.provenance.packing.skip, skip);
    const text = { samples: 5, length: 16, text: licence, skip };
    assert.equal(result.orders.length, 8);
    const [full] = await perplexities(model, [{}], text);
    for (const [i, order] of result.orders.entries()) {
      const measured = await profile(model, {
        samples: 1,
        text: texts[Math.floor(i % 4 / 2)],
        length: lengths[i % 2],
      });
      const plan = makePlan(measured, { target: "mlp", by: by[Math.floor(i / 4)], drop: 2, unchecked: true });
      assert.deepEqual(order.calibration, measured.provenance);
      assert.deepEqual(order.modules, plan.order.map(({ module, layer }) => ({ module, layer })));
      const rises = lossDifferences((await perplexities(model, [plan], text))[0], full);
      order.rises.forEach((rise, s) => assert.ok(Math.abs(rise - rises[s]) < 1e-4, `${rise} ${rises[s]}`));
      assert.equal(order.rise, mean(order.rises));
      assert.equal(order.riseError, standardError(order.rises));
    }
    const names = ["A 16", "A 32", "B 16", "B 32"].map((name) => `text file ${name}`);
    assert.deepEqual(tableText([result]).match(/text file \w \d+(?= {2})/g), [...names, ...names]);
    assert.deepEqual(
      rowsOf([result]).slice(0, 4).map((row) => [row.scores_on, row.scores_length]),
      [["file A", 16], ["file A", 32], ["file B", 16], ["file B", 32]],
    );
    const { svg } = ordersFigure([result]);
    names.forEach((name) => assert.match(svg, new RegExp(`>${name}<`)));
    assert.deepEqual(result.lines.map(({ target, by }) => [target, by]), by.map((by) => ["mlp", by]));
    for (const [l, line] of result.lines.entries()) {
      const own = result.orders.slice(4 * l, 4 * l + 4);
      const layers = own.map(({ modules }) => new Set(modules.map(({ layer }) => layer)));
      assert.equal(line.common, layers.reduce((all, set) => all.intersection(set)).size);
      const pairs = [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]];
      assert.equal(line.shared, mean(pairs.map(([a, b]) => layers[a].intersection(layers[b]).size)));
      const choosing = own.map(({ rises }) => mean(rises.slice(0, 3)));
      assert.equal(choosing[line.best], Math.min(...choosing));
      assert.equal(choosing[line.worst], Math.max(...choosing));
      const [best, worst] = [line.best, line.worst].map((i) => own[i].rises.slice(3));
      assert.equal(line.samples, 2);
      assert.deepEqual(line.rise, { rise: mean(best), riseError: standardError(best) });
      assert.equal(line.more!.rise, mean(worst.map((rise, i) => rise - best[i])));
    }
  }));

Deno.test("orders of one text and one sample have no second half, and refuse what cannot be dropped", () =>
  withTiny(async ({ model, options }) => {
    const one = { ...options, samples: 1, texts: [options.text!], lengths: [8], calibrationSamples: 1 };
    const { lines, orders: [{ riseError }] } = await orders(model, one);
    for (const { rise, more, samples, common, shared, drop } of lines) {
      assert.deepEqual([rise, more, samples], [null, null, 0]);
      assert.deepEqual([common, shared], [drop, drop]);
    }
    assert.equal(riseError, null);
    await assert.rejects(
      orders(model, { ...one, drop: 99 }),
      /^RangeError: Cannot compare orders: drop is 99, expected at most \d for attention/,
    );
  }));

Deno.test("a text that cannot be had is refused before anything is computed", () =>
  withTiny(async ({ model, options }) => {
    const { text: own, ...size } = options;
    const calibrated = { ...size, calibration: { text: own!, samples: 2, length: 16 } };
    const missing = `${options.results}/none.txt`;
    const calls = {
      orders: () => orders(model, { ...options, texts: [own!, missing], lengths: [8] }),
      "orders over it": () => orders(model, { ...size, text: missing, texts: [own!], lengths: [8] }),
      fit: () => fit(model, { ...calibrated, text: missing, loss: 1 }),
      sweep: () => sweep(model, { ...calibrated, text: missing }),
      guides: () => guides(model, { ...options, heldOut: missing }),
    };
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call, /Cannot read text .*none\.txt: no such file/, name);
      assert.deepEqual(kept(options.results), [], name);
    }
  }));
