/** What an earlier fit has kept counts as done, from the first report on. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { fit } from "../../src/study/mod.ts";
import type { Progress } from "../../src/entry/mod.ts";
import { withFolder } from "../support.ts";
import { withTrained } from "./tiny.ts";

const [readme, changes] = ["README.md", "CHANGELOG.md"].map((name) =>
  fileURLToPath(new URL(`../../${name}`, import.meta.url))
);

Deno.test("a check that is kept counts as done from the first report on, before its turn", () =>
  withFolder((results) =>
    withTrained("pre-ln", async (model) => {
      const calibration = { text: readme, samples: 3, length: 16 };
      const targets = ["attention", "mlp", "joint"] as const;
      const options = {
        text: changes,
        samples: 4,
        length: 16,
        calibration,
        targets,
        loss: 9,
        time: false,
        results,
      };
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
