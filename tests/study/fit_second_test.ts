/** A fit ranks by the mean of ranks on two texts, says how far they agree, and goes on with one where the other cannot be had. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fit, profile, rank } from "../../src/study/mod.ts";
import { secondTextOf } from "../../src/study/fit/lines.ts";
import { tableText } from "../../src/show/mod.ts";
import type { Progress } from "../../src/entry/mod.ts";
import { withFolder } from "../support.ts";
import { withTrained } from "./tiny.ts";

const [readme, licence, changes] = ["README.md", "LICENSE", "CHANGELOG.md"].map((name) =>
  fileURLToPath(new URL(`../../${name}`, import.meta.url))
);

Deno.test("a fit ranks by the mean of ranks on two texts, and says how many of the first modules they share", () =>
  withTrained("pre-ln", async (model) => {
    const calibration = { text: readme, samples: 1, length: 16 };
    const options = { text: changes, samples: 4, length: 16, calibration, loss: 9, time: false } as const;
    const lines = { targets: ["mlp"], unchecked: true } as const;
    const result = await fit(model, { ...options, ...lines, secondText: licence });
    const orders = await Promise.all([readme, licence].map(async (text) => {
      const measured = await profile(model, { ...calibration, text });
      return rank(measured, { target: "mlp" }).map(({ layer }) => layer);
    }));
    const [first, second] = orders;
    const sum = (layer: number) => first.indexOf(layer) + second.indexOf(layer);
    const mean = first.toSorted((a, b) => sum(a) - sum(b) || first.indexOf(a) - first.indexOf(b));
    for (const { drop: { mlp }, dropped } of result.tried) {
      assert.deepEqual(mlp, mean.slice(0, dropped).sort((a, b) => a - b));
    }
    const shared = first.slice(0, 2).filter((layer) => second.slice(0, 2).includes(layer)).length;
    assert.deepEqual(result.second!.lines, [{ target: "mlp", by: "importance", first: 2, shared }]);
    assert.match(
      tableText([result]),
      new RegExp(
        `ranked by the mean of ranks on text file A and text file B, which\\s+share ${shared} of the first 2 MLPs`,
      ),
    );
    const alone = await fit(model, { ...options, ...lines });
    assert.equal(alone.second, undefined);
  }));

Deno.test("a check that is kept counts as done from the first report on, before its turn", () =>
  withFolder((results) =>
    withTrained("pre-ln", async (model) => {
      const calibration = { text: readme, samples: 3, length: 16 };
      const options = { text: changes, samples: 4, length: 16, calibration, loss: 9, time: false, results };
      const reports: Progress[] = [];
      await fit(model, options);
      for (const { name } of Deno.readDirSync(results)) {
        const file = `${results}/${name}`;
        const { kind, provenance: { packing } } = JSON.parse(await Deno.readTextFile(file));
        const isCheck = kind === "loss" || kind === "profile" && packing.samples === 2;
        if (!isCheck) await Deno.remove(file);
      }
      await fit(model, { ...options, onProgress: (report) => void reports.push(report) });
      const [{ label, found }] = reports;
      assert.match(label, /^profile of/);
      assert.ok(found! > 0.2, `${found}`);
    })
  ));

Deno.test("a second profile that is kept counts as done where the first is not", () =>
  withFolder((results) =>
    withTrained("pre-ln", async (model) => {
      const calibration = { text: readme, samples: 3, length: 16 };
      const options = {
        text: changes,
        samples: 4,
        length: 16,
        calibration,
        loss: 9,
        time: false,
        unchecked: true,
      };
      const foundWith = async (secondText: string | undefined) => {
        const reports: Progress[] = [];
        const own = { ...options, ...secondText ? { secondText } : {}, results };
        await fit(model, { ...own, onProgress: (report) => void reports.push(report) });
        for (const { name } of Deno.readDirSync(results)) {
          const { kind, provenance: { text } } = JSON.parse(await Deno.readTextFile(`${results}/${name}`));
          if (kind !== "profile" || text.hash === first) await Deno.remove(`${results}/${name}`);
        }
        return reports[0].found ?? 0;
      };
      const { provenance: { text: { hash: first } } } = await profile(model, calibration);
      assert.equal(await foundWith(licence), 0); // nothing is kept yet
      assert.ok(await foundWith(licence) > 0.05);
    })
  ));

Deno.test("the second text of a fit is another built-in one than those that rank and confirm", () => {
  assert.equal(secondTextOf({}), "math");
  assert.equal(secondTextOf({ text: "code" }), "wiki");
  assert.equal(secondTextOf({ calibration: { text: "wiki" }, text: "math" }), "stories");
  assert.equal(secondTextOf({ secondText: "none" }), null);
  assert.equal(secondTextOf({ calibration: { text: readme } }), null);
  assert.equal(secondTextOf({ calibration: { text: readme }, secondText: licence }), licence);
});
