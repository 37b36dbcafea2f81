/**
 * The engines of the GPU on a real device against the CPU's: final streams of every family. Skipped, with the reason, where there is
 * none; `deno task gpu-check` tells more. What of CUDA needs no numbers is tested on stand-ins (cuda_test.ts).
 */
import assert from "node:assert/strict";
import { openEngine, precisionsOf } from "core/engine/mod.ts";
import { fixtureNames } from "../../fixtures/read.ts";
import { beyond, streamDeviations } from "../models/parity.ts";
import { withFixture } from "../../model.ts";
import { engine as cpu } from "../../support.ts";
import { unless } from "../../tools.ts";

const lacks = await openEngine({ engine: "cuda" }).then(() => null, (error) => error.message);
for (const precision of precisionsOf.cuda) {
  unless(lacks)(`${precision} on CUDA: the streams of every family are the CPU's`, async () => {
    const engine = await openEngine({ engine: "cuda", precision });
    for (const fixture of fixtureNames) {
      await withFixture(fixture, async (opened) => {
        assert.deepEqual(beyond(await streamDeviations(engine, cpu, opened)), [], fixture);
        assert.equal(engine.live, 0);
      });
    }
  });
}
