/**
 * The token's own message in attention's updates, beside Hugging Face's in float64. Values, outputs and attention weights are of float32
 * states, each off by τ of its largest element at most (`stateTolerance`), so vectors by τ √D; scores by τ times their size, which few
 * units of the logits are. A ratio r of two of them is off by less than (1 + r) 4 τ √D, its square by 2 r as much.
 */
import assert from "node:assert/strict";
import { scoring } from "../../src/models/mod.ts";
import type { MessagesRow } from "../../src/result/mod.ts";
import { forward, messagesProbe, noDrop, segmentsOf } from "../../src/run/mod.ts";
import { toCSV } from "../../src/show/mod.ts";
import { messageMeans } from "../../src/study/causes/means.ts";
import { causes, divisionOf, studies } from "../../src/study/mod.ts";
import { longText, withTiny } from "../study/tiny.ts";
import { engine, stateTolerance, withFixture } from "../support.ts";
import { readJson } from "../fixtures/read.ts";

interface Expected {
  readonly ids: number[][];
  /** By layer: the sums of each sample, of norm, energy and share, and of each head. */
  readonly layers: ({ readonly sums: [number[], number[], number[]]; readonly heads: number[][] } | null)[];
}
const expected: Record<string, Expected> = await readJson("tests/fixtures/messages.json");

for (const [name, { ids, layers }] of Object.entries(expected)) {
  Deno.test(`${name}: own messages are Hugging Face's in float64`, () =>
    withFixture(name, async ({ model }) => {
      const [samples, length] = [ids.length, ids[0].length];
      const blocks = { ids: Int32Array.from(ids.flat()), samples, length };
      const probe = messagesProbe(model, { stride: 1 });
      const options = { model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [probe] };
      await forward(options);
      const error = 4 * stateTolerance(model.spec) * Math.sqrt(model.spec.hidden);
      const near = (found: number, theirs: number, most: number, what: string) =>
        assert.ok(Math.abs(found - theirs) <= most, `${what}: ${found}, expected ${theirs} ± ${most}`);
      for (const [l, theirs] of layers.entries()) {
        assert.equal(probe.sums[l] === null, theirs === null, `layer ${l}`);
        for (const [s, own] of probe.sums[l]?.entries() ?? []) {
          const [norm, energy, share] = theirs!.sums.map((sums) => sums[s]);
          assert.equal(own.counted, length);
          near(own.norm, norm, (length + norm) * error, `norm of layer ${l}`);
          near(own.energy, energy, 2 * (norm + energy) * error + length * error ** 2, `energy of layer ${l}`);
          near(own.share, share, 2 * (length + norm) * error, `share of layer ${l}`);
          theirs!.heads[s].forEach((head, h) =>
            near(own.heads[h], head, (length + head) * error, `head ${h} of layer ${l}`)
          );
        }
      }
      // A stride takes the queries in the middle of every k; samples in two runs are those of one.
      const some = messagesProbe(model, { stride: 8 });
      await forward({ ...options, probes: [some] });
      assert.ok(some.sums.every((own) => own === null || own.every(({ counted }) => counted === 2)));
    }));
}

Deno.test("with one token, the update is its own message", () =>
  withFixture("llama", async ({ model }) => {
    const probe = messagesProbe(model, { stride: 1 });
    const blocks = { ids: Int32Array.of(5, 9), samples: 2, length: 1 };
    await forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [probe] });
    for (const own of probe.sums.flat()) {
      for (const sum of [own!.norm, own!.energy, own!.share, ...own!.heads]) {
        assert.ok(Math.abs(sum - 1) < 1e-6);
      }
    }
  }));

Deno.test("a layer with learned sinks has none", () =>
  withFixture("gpt-oss", async ({ model }) => {
    const probe = messagesProbe(model, { stride: 1 });
    const blocks = { ids: Int32Array.of(5, 9, 3), samples: 1, length: 3 };
    await forward({ model, engine, segments: segmentsOf(blocks), plans: [noDrop], probes: [probe] });
    assert.ok(probe.sums.every((own) => own === null));
  }));

Deno.test("the study of causes measures messages if they are wanted, its shards as the whole, beside all else", () =>
  withTiny(async ({ model, options }) => {
    const text = { ...options, samples: 4, length: 16, effectSamples: 0 };
    const plain = await causes(model, text);
    assert.equal(plain.messages, undefined);
    const { messages, provenance, ...rest } = await causes(model, { ...text, messageSamples: 3 });
    assert.deepEqual(provenance.causes.messages, { samples: 3, length: 16, stride: 8 });
    const { provenance: _, ...others } = plain;
    assert.deepEqual(rest, others);
    const { layers } = model.spec;
    for (const [l, share] of messages!.share.entries()) {
      assert.ok(share!.low! <= share!.value && share!.value <= share!.high!);
      assert.ok(messages!.norm[l]! > 0 && messages!.energy[l]! > 0);
      assert.equal(messages!.heads[l]!.length, scoring(layers[l].attention)!.heads);
    }
    const long = { ...text, text: await longText(options), length: 1024, samples: 3, messageSamples: 3 };
    const study = await studies.causes.work(model, long);
    const { stages: [stage] } = await divisionOf(study, options);
    const spans = stage.costs.map((_, i) => ({ from: i, to: i + 1 }));
    assert.equal(spans.length, 6); // two batches of the full model, of the sink rate and of messages
    const rows = await Promise.all(spans.map((span) => stage.run(span, { ...options, results: undefined })));
    const parts = rows.flatMap((row) => (row as { messages?: MessagesRow[] }).messages ?? []);
    assert.deepEqual(messageMeans(parts), (await causes(model, { ...long, results: undefined })).messages);
    const file = toCSV(await causes(model, { ...text, messageSamples: 3 }));
    assert.match(
      file,
      /own_message_share,own_message_low,own_message_high,own_message_norm,own_message_energy/,
    );
    await assert.rejects(causes(model, { ...text, messageSamples: -1 }), /messageSamples is -1/);
  }));
