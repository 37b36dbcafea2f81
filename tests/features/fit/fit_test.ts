/** Fits of a committed model: limits that are kept, targets that are reached, files of the size that was said, and resuming. */
import assert from "node:assert/strict";
import type { Progress } from "core/entry/mod.ts";
import { tableText } from "core/show/looks.ts";
import { exportModel } from "features/export/mod.ts";
import { fit, type FitOptions } from "features/fit/mod.ts";
import { paired, perplexities } from "features/losses/mod.ts";
import { estimate } from "features/by_name.ts";
import { refuses, withFolder } from "../../support.ts";
import { kept, withTiny, withTrained } from "../../core/study/tiny.ts";

const licence = "LICENSE";
const sizes = { length: 32, engine: "cpu" } as const;
const calibration = { text: licence, samples: 4, length: 32 };
const options = { ...sizes, text: licence, samples: 8, calibration } as const;

Deno.test("a limit is kept on samples that nothing chose, as perplexities measure it, and the file has the bytes that were said", () =>
  withTrained("pre-ln", (model) =>
    withFolder(async (folder) => {
      const found = await fit(model, { ...options, kld: 0.04, targets: ["types"] });
      const { plan, confirmed, answer, file, confirming, provenance, baselines, curve, measured } = found;
      const row = confirmed[answer!];
      assert.ok(row.kld.high! <= 0.04 && row.bytes! < 0.4 * file!.original, `${row.bytes}`);
      assert.deepEqual([provenance.packing.samples, confirming.packing.skip], [4, 4]);
      const [own] = await perplexities(model, [plan!], { ...sizes, text: licence, samples: 4, skip: 4 });
      assert.ok(Math.abs(own.kl - row.kld.value) < 1e-6 && own.top1 === row.same.value);
      assert.deepEqual(row.drop.attention, [], "types alone");
      const { sizes: { smaller } } = await exportModel(model, plan!, {
        format: "gguf",
        out: `${folder}/out`,
      });
      assert.equal(smaller, row.bytes);
      confirmed.slice(1).forEach(({ bytes }, i) =>
        assert.ok(bytes! <= confirmed[i].bytes!, "smallest saving first")
      );
      assert.deepEqual(baselines.map(({ by }) => by), ["uniform", "rule"]);
      curve.slice(1).forEach(({ saved, kld }, i) => assert.ok(saved > curve[i].saved && kld >= curve[i].kld));
      assert.deepEqual(
        new Set(measured.map(({ module }) => module)),
        new Set(["embedding", "attention", "mlp"]),
      );
      const [line] = tableText([found]).split("\n");
      assert.match(
        line,
        /^\d[^→]*→ [\d.]+ kB \(−[\d.]+ %\) · KLD [\d.]+ \(95 %: [\d.]+ to [\d.]+\), 99 %: [\d.]+ · same first choice [\d.]+ % ·/,
      );
    })));

Deno.test("drops are levels of the same search: alone where types are not asked for", () =>
  withTrained("pre-ln", async (model) => {
    const { confirmed, answer, file } = await fit(model, { ...options, kld: 1, targets: ["joint"] });
    const { drop } = confirmed[answer!];
    assert.ok(drop.attention.length + drop.mlp.length > 0 && !drop.changes && !drop.tables);
    assert.equal(file!.format, "gguf-deci");
  }));

Deno.test("a target is reached by the first plan of the path, and types save bytes alone", () =>
  withTrained("pre-ln", async (model) => {
    const { confirmed: [row], answer, file } = await fit(model, { ...options, file: "45%" });
    assert.equal(answer, 0);
    assert.ok(row.bytes! <= 0.45 * Math.min(file!.original, file!.whole));
    const weights = await fit(model, { ...options, parameters: 0.1, kld: 1e3 });
    const [{ saves, drop }] = weights.confirmed;
    assert.ok(saves.parametersShare >= 0.1 && !drop.changes);
    const strict = await fit(model, { ...options, parameters: 0.1, kld: 0.001 });
    assert.equal(strict.plan, null, "a limit beside a target holds too");
    await refuses("Cannot fit ", (own: Partial<FitOptions>) => fit(model, { ...options, ...own }), [
      [{ file: "1%" }, /: file is 0.01, expected at least \d+ bytes, what the smallest plan has/],
      [
        { parameters: 0.1, targets: ["types"] },
        "types of blocks: found parameters, which they do not save, expected a limit or a file",
      ],
      [{ kld: 1, targets: ["mlp"], protectFirst: 8 }, "no module may be dropped so that something is saved"],
    ]);
  }));

Deno.test("a perplexity is a limit on the same path, and its interval is the one of paired losses", () =>
  withTrained("pre-ln", async (model) => {
    const found = await fit(model, { ...options, perplexity: "8%", targets: ["types"] });
    const { loss, drop } = found.confirmed[found.answer!];
    assert.ok(Math.exp(loss.high!) <= 1.08);
    const [full, own] = await perplexities(model, [{}, drop], {
      ...sizes,
      text: licence,
      samples: 4,
      skip: 4,
    });
    const { rise, low, high } = paired(own, full);
    for (const [ours, theirs] of [[loss.value, rise], [loss.low, low], [loss.high, high]]) {
      assert.ok(Math.abs(ours! - theirs!) < 1e-6, `${ours} ${theirs}`);
    }
  }));

Deno.test("what was measured is kept: a second fit runs no plan, and the progress of the first ends at all of it", () =>
  withTiny(async ({ model, options: { text, ...own } }) => {
    const asked = {
      ...own,
      text: text!,
      samples: 4,
      kld: 5,
      calibration: { text: text!, samples: 2, length: 16 },
    };
    const reports: Progress[] = [];
    const first = await fit(model, { ...asked, onProgress: (report) => void reports.push(report) });
    const shares = reports.map(({ done, total }) => done / total!);
    assert.ok(shares.every((share, i) => i === 0 || share >= shares[i - 1] - 1e-9), "it never goes back");
    assert.ok(shares.at(-1)! > 1 - 1e-6, `${shares.at(-1)}`);
    const steps = [
      ...new Set(reports.map(({ label }) => label.match(/measuring|verifying|confirming/)?.[0])),
    ];
    assert.deepEqual(steps.filter(Boolean), ["measuring", "verifying", "confirming"]);
    const before = kept(own.results);
    const notices: string[] = [];
    const second = await fit(model, { ...asked, onNotice: (line) => void notices.push(line) });
    assert.deepEqual(second, first);
    assert.deepEqual(kept(own.results), before);
    assert.ok(notices.some((line) => /measuring: \d+ results reused/.test(line)), notices.join("\n"));
    const [unkept, done] = await Promise.all(
      [`${own.results}/none`, own.results].map((results) => estimate("fit", model, { ...asked, results })),
    );
    assert.ok(
      unkept.plans >= 5 && unkept.flops > 0 && done.flops === 0,
      `${[unkept.plans, done.flops, unkept.flops]}`,
    );
  }));

Deno.test("accuracy is a limit on documents of which the second half confirms", () =>
  withTiny(async ({ model, options: { text, ...own } }) => {
    const found = await fit(model, {
      ...{ ...own, text: text!, samples: 4, calibration: { text: text!, samples: 2, length: 16 } },
      ...{ accuracy: 100, tasks: ["openbookqa"], limit: 8, targets: ["attention"] },
    });
    const { points } = found.confirmed[found.answer!];
    assert.ok(points!.value <= 100 && points!.high! <= 100);
  }));
