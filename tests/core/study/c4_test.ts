/** C4, the paper's calibration text, comes from the hub: the rows of a gzipped file of its validation split. */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { merge } from "core/result/mod.ts";
import { profile } from "features/profile/mod.ts";
import { COMMIT, rangeAnswer, withHub } from "../hub/fake_hub.ts";
import { fixture } from "../../fixtures/read.ts";
import { tokenizerFile } from "../../features/training/training.ts";
import { tinyText } from "./tiny.ts";

const FILE = "en/c4-validation.00000-of-00008.json.gz";

Deno.test("a model and C4 come from the hub, and the parts of the text merge into the whole profile", () =>
  withHub(async (hub) => {
    const { folder } = await fixture("llama");
    for (const name of ["config.json", "model.safetensors"]) {
      hub.files.set(name, await Deno.readFile(`${folder}/${name}`));
    }
    hub.files.set("tokenizer.json", tokenizerFile);
    const rows = tinyText.match(/.{1,40}/g)!.map((text) => JSON.stringify({ text, url: "-" })).join("\n");
    const c4 = new Uint8Array(gzipSync(rows));
    hub.intercept = (request) => {
      const { pathname } = new URL(request.url);
      if (!pathname.includes("/allenai/c4/")) return undefined;
      if (pathname.includes("/revision/")) {
        return Response.json({ _id: "2", id: "allenai/c4", sha: COMMIT, cardData: { license: "odc-by" } });
      }
      if (pathname.includes("/paths-info/")) {
        return Response.json([{ type: "file", path: FILE, size: c4.length }]);
      }
      return pathname.endsWith(FILE) ? rangeAnswer(c4, request) : new Response(null, { status: 404 });
    };
    const of = (skip: number, samples: number) =>
      profile("owner/name", { text: "c4", skip, samples, length: 16, engine: "cpu" });
    const whole = await of(0, 20);
    assert.equal(whole.provenance.text.name, "c4");
    assert.equal(whole.provenance.model.revision, COMMIT);
    assert.deepEqual(merge([await of(0, 8), await of(8, 8), await of(16, 4)]), whole);
  }));
