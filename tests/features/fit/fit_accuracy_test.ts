/** A fit by accuracy: halves of a task's documents, of which the second alone confirms, and asks in rounds. */
import assert from "node:assert/strict";
import { tableText } from "core/show/looks.ts";
import { evaluate } from "features/evaluate/mod.ts";
import { fit } from "features/fit/mod.ts";
import { withTiny } from "../../core/study/tiny.ts";

Deno.test("documents that choose are not asked again to confirm; plans are asked no longer than their promise is open", () =>
  withTiny(async ({ model, options }) => {
    const { text, samples, length, results, engine } = options;
    const calibration = { text: text!, samples: samples!, length: length! };
    const own = {
      tasks: ["openbookqa"],
      limit: 41,
      targets: ["attention"],
      time: false,
      unchecked: true,
    } as const;
    const asked = { ...own, accuracy: 100, calibration, results, engine };
    const found = await fit(model, asked);
    assert.ok(found.plan !== null && found.confirmed.length > 0);
    const { provenance, confirming } = found;
    assert.deepEqual([provenance.packing.samples, provenance.packing.skip], [21, 0]);
    assert.deepEqual([confirming.packing.samples, confirming.packing.skip], [20, 21]);
    // A cost that confirms is that of the second half alone, document by document the same as among all.
    const [{ tried, cost }] = found.confirmed;
    const { drop } = found.tried[tried];
    const common = { tasks: ["openbookqa"], prompts: 0, engine } as const;
    const [full, dropped] = await evaluate(model, [{}, drop], { ...common, limit: 41 });
    const alone = await evaluate(model, [{}, drop], { ...common, skip: 21, limit: 20 });
    const rest = ({ tasks }: typeof full) => tasks.openbookqa.items.slice(21);
    // Sums of nats differ in their last digits by what is read together.
    const plain = (items: ReturnType<typeof rest>) =>
      items.map(({ index, hash, acc_norm }) => ({ index, hash, acc_norm }));
    assert.deepEqual(
      alone.map(({ tasks }) => plain(tasks.openbookqa.items)),
      [full, dropped].map(rest).map(plain),
    );
    const lost = rest(full).reduce((sum, item, i) => sum + item.acc_norm! - rest(dropped)[i].acc_norm!, 0);
    assert.ok(Math.abs(cost.value - 100 * lost / 20) < 1e-9);
    assert.match(tableText([found]), /confirmed on 20 documents of openbookqa, after the first 21, /);

    // Plans are asked no longer than their promise is open: as `until` asks of the documents that confirm.
    const early = { ...asked, limit: 200, stopEarly: true } as const;
    // What the samples that choose just allow, rounds of as many documents leave open.
    const [{ cost: { high } }] = (await fit(model, { ...early, accuracy: 60 })).tried;
    for (const [accuracy, isOpen] of [[60, false], [1.01 * high, true]] as const) {
      const found = await fit(model, { ...early, accuracy });
      const { confirmed, confirming, tried, plan } = found;
      const [{ tried: place, cost, keeps }] = confirmed;
      const range = { skip: 100, limit: 100, until: accuracy };
      const [, own] = await evaluate(model, [{}, tried[place].drop], { ...common, ...range });
      const { drawn, n, metrics: { acc_norm: { against } } } = own.tasks.openbookqa;
      assert.deepEqual(cost.asked, { documents: n, of: 100 });
      assert.equal(drawn!.of, 100);
      assert.equal(n === 100, isOpen);
      assert.deepEqual([keeps, cost.high], [against!.verdict, 0 - 100 * against!.low]);
      assert.deepEqual([keeps === "yes", keeps === "cannot tell"], [plan !== null, isOpen]);
      const said = RegExp(
        `; ${isOpen ? "" : `${n} of `}100 documents\\).*confirmed on at most .*kept +documents`,
        "s",
      );
      assert.match(tableText([found]), said);
      assert.ok(confirming.packing.samples >= n && confirming.packing.skip === 100);
    }
    await assert.rejects(fit(model, { ...early, tasks: ["lambada_openai"] }), /ask lambada_openai in rounds/);
    const few =
      /openbookqa: found 500 documents, expected more than 500, which `skip`, or the half of `limit`/;
    await assert.rejects(evaluate(model, [{}], { ...common, limit: 4, skip: 500 }), few);
  }));
