/** A text that cannot be had is refused before anything is computed. */
import assert from "node:assert/strict";
import { fit, guides, sweep } from "../../src/study/mod.ts";
import { kept, withTiny } from "./tiny.ts";

Deno.test("a text that cannot be had is refused before anything is computed", () =>
  withTiny(async ({ model, options }) => {
    const { text: own, ...size } = options;
    const calibrated = { ...size, calibration: { text: own!, samples: 2, length: 16 } };
    const missing = `${options.results}/none.txt`;
    const calls = {
      fit: () => fit(model, { ...calibrated, text: missing, loss: 1 }),
      sweep: () => sweep(model, { ...calibrated, text: missing }),
      guides: () => guides(model, { ...options, heldOut: missing }),
    };
    for (const [name, call] of Object.entries(calls)) {
      await assert.rejects(call, /Cannot read text .*none\.txt: no such file/, name);
      assert.deepEqual(kept(options.results), [], name);
    }
  }));
