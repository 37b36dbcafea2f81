/**
 * Verification against official orders: the model and C4 come from a hub (a fake one, with a tiny model in the paper's model's
 * place), shards merge into the undivided profile, a run that was ended goes on, and orders are compared as they should be.
 */
import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { estimate, type PaperOrders, profile, rank, verify } from "../../src/study/mod.ts";
import { closedPort, COMMIT, type FakeHub, rangeAnswer, withCache, withHub } from "../hub/fake_hub.ts";
import { fixture } from "../fixtures/read.ts";
import { tokenizerFile } from "./training.ts";
import { kept, tinyText, withTiny } from "./tiny.ts";

const FILE = "en/c4-validation.00000-of-00008.json.gz";
/** 20 blocks in three shards: two of 8, one of 4. */
const size = { samples: 20, length: 16, engine: "cpu" } as const;

/** Made-up orders of the tiny model's three layers. */
const orders: PaperOrders = {
  name: "stand-in",
  model: "owner/name",
  layers: 3,
  attention: [2, 1, 0],
  mlp: [1, 2],
  block: [0, 2],
};

/** Documents as C4 has them: a row each. */
const documents = tinyText.match(/.{1,40}/g)!;
const rows = documents.map((text) => JSON.stringify({ text, url: "-" })).join("\n");

/** The tiny model as the hub's one repository, and C4 beside it. */
async function fill(hub: FakeHub): Promise<void> {
  const { folder } = await fixture("llama");
  for (const name of ["config.json", "model.safetensors"]) {
    hub.files.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  hub.files.set("tokenizer.json", tokenizerFile);
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
}

Deno.test("the model and C4 come from the hub, and the shards are the undivided profile", () =>
  withHub(async (hub, folder) => {
    await fill(hub);
    const results = `${folder}/results`;
    const result = await verify(orders, { ...size, results });
    assert.equal(result.paper, "stand-in");
    assert.equal(result.provenance.text.name, "c4");
    assert.deepEqual(result.provenance.packing, { samples: 20, length: 16, skip: 0, bos: false });
    assert.equal(result.provenance.model.revision, COMMIT);
    assert.equal(result.tokens, 320);
    assert.deepEqual(kept(results).map((name) => name.split("-")[0]), ["profile", "profile", "profile"]);
    const whole = await profile("owner/name", { ...size, text: "c4" });
    assert.deepEqual(result.provenance, whole.provenance);
    for (const kind of ["attention", "mlp", "block"] as const) {
      assert.deepEqual(result[kind].importance, whole[kind].importance);
      assert.deepEqual(result[kind].standardError, whole[kind].standardError);
      assert.deepEqual(result[kind].order, rank(whole, { target: kind }).map(({ layer }) => layer));
      assert.deepEqual(result[kind].official, orders[kind]);
    }
  }));

Deno.test("a run that was ended goes on at the shard where it stopped, and gives the same; a shorter text shares its shards", () =>
  withTiny(async ({ model, options }) => {
    const { results } = options;
    const told = { ...options, ...size, model };
    const stop = new AbortController();
    const onProgress = () => {
      if (kept(results).length === 1) stop.abort(new Error("killed"));
    };
    await assert.rejects(verify(orders, { ...told, signal: stop.signal, onProgress }), /killed/);
    assert.equal(kept(results).length, 1);
    const lines: string[] = [];
    let last = 0;
    const result = await verify(orders, {
      ...told,
      onNotice: (line) => lines.push(line),
      onProgress: ({ done, total = 1 }) => last = done / total,
    });
    assert.deepEqual(lines, ["verify stand-in: 1 of 3 shards reused from an earlier run"]);
    assert.equal(last, 1);
    const { results: _, ...unkept } = told;
    assert.deepEqual(result, await verify(orders, unkept));
    lines.length = 0;
    await verify(orders, { ...told, samples: 8, onNotice: (line) => lines.push(line) });
    assert.deepEqual(lines, ["verify stand-in: 1 of 1 shards reused from an earlier run"]);
  }));

Deno.test("the agreement: ranks in common, and the correlation of importance with the official rank", () =>
  withTiny(async ({ model, options: { results: _, ...options } }) => {
    const told = { ...options, model };
    const { attention: { order } } = await verify(orders, told);
    const against = async (attention: readonly number[]) =>
      (await verify({ ...orders, attention }, told)).attention;
    const same = await against(order);
    assert.deepEqual([same.overlap, same.rankCorrelation], [[1, 1, 1], 1]);
    const reversed = await against(order.toReversed());
    // Of three ranks reversed: nothing in common first, the middle one among the first two, all of three.
    assert.deepEqual([reversed.overlap, reversed.rankCorrelation], [[0, 1 / 2, 1], -1]);
    const two = await against([order[0], order[2]]);
    assert.deepEqual([two.overlap, two.rankCorrelation, two.tied.length], [[1, 1 / 2], 1, 2]);
    assert.equal((await against([order[1]])).rankCorrelation, null);
  }));

Deno.test("what cannot be verified is one clear error", () =>
  withTiny(async ({ model, options }) => {
    await assert.rejects(verify("mistral-7b", { ...options, model }), {
      name: "RangeError",
      message: `Cannot verify mistral-7b with ${model.name}: it has 3 layers, expected 32`,
    });
    await assert.rejects(verify("mistral"), {
      name: "RangeError",
      message: 'Cannot verify: model of the paper is "mistral", expected one of mistral-7b, llama-2-13b ' +
        '(did you mean "mistral-7b"?)',
    });
    await withCache(async () => {
      const away = verify("llama-2-13b", options);
      await assert.rejects(away, (error: Error) => {
        assert.match(
          error.message,
          /^Cannot open .*: http:\/\/127\.0\.0\.1:\d+ cannot be reached .*expected the hub/,
        );
        return !error.message.includes("\n");
      });
    }, { HF_ENDPOINT: closedPort() });
  }));

Deno.test("an estimate needs no hub: the paper's calibration, and the states of one shard", async () => {
  await withCache(async () => {
    const whole = await estimate("verify", "mistral-7b", { engine: "cpu" });
    assert.deepEqual([whole.tokens, whole.modules], [256 * 2048, 64 * 32]);
    const one = await estimate("verify", "mistral-7b", { engine: "cpu", samples: 8 });
    assert.equal(one.bytes, whole.bytes);
    assert.equal(whole.flops, 32 * one.flops);
    assert.equal((await estimate("verify", "llama-2-13b", { engine: "cpu", samples: 9 })).modules, 2 * 80);
  }, { HF_ENDPOINT: closedPort() });
});
