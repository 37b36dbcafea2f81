/** A fit's plan says on which text it was found, as plans of a profile do. */
import assert from "node:assert/strict";
import { results } from "../show/every_result.ts";
import type { Fit } from "features/fit/mod.ts";
import { readPlan } from "core/study/plan_file.ts";
import { withFolder } from "../../support.ts";

Deno.test("a plan without a provenance of its own, as one of types of blocks, has that of its fit", () =>
  withFolder(async (folder) => {
    const fits = Object.values(results).flat().filter((result): result is Fit => result.kind === "fit");
    const { plan, ...fit } = fits.find(({ plan }) => plan && !plan.tables && !plan.changes)!;
    const { provenance: own, ...bare } = plan!;
    const read = async (plan: object) => {
      await Deno.writeTextFile(`${folder}/fit.json`, JSON.stringify({ ...fit, plan }));
      return await readPlan(`${folder}/fit.json`);
    };
    assert.deepEqual((await read(bare)).provenance, fit.provenance);
    const other = { ...(own ?? fit.provenance), seed: 7 };
    assert.deepEqual((await read({ ...bare, provenance: other })).provenance, other);
  }));
