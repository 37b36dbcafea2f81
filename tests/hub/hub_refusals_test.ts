/** What the hub refuses, and listings of it that are refused. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { openModel } from "../../src/hub/mod.ts";
import { closedPort, type FakeHub, withCache, withHub } from "./fake_hub.ts";
import { addModel, fileNames } from "./hub_model.ts";

Deno.test("refusals say what to do", async () => {
  const cases: [number, RegExp][] = [
    [401, /answered 401 .*HF_TOKEN is not set.*accept the licence at http.*\/owner\/name.*set HF_TOKEN/],
    [403, /answered 403 .*accept the licence at http.*\/owner\/name.*set HF_TOKEN/],
    [404, /Cannot open owner\/name at revision main: the hub answered 404/],
    [500, /answered 500.*\.gguf file or a packaged model \(smollm2-135m, /],
  ];
  for (const [status, message] of cases) {
    await withHub(async (hub) => {
      hub.status = status;
      await assert.rejects(openModel("owner/name"), message);
    });
  }
  await withHub(async (hub) => {
    addModel(hub);
    await assert.rejects(openModel("owner/name@v9"), /owner\/name at revision v9: the hub answered 404/);
    Deno.env.set("HF_TOKEN", "hf_x");
    hub.faults.set("config.json", [{ kind: "status", status: 403 }]); // gated: listed, but not given
    await assert.rejects(
      openModel("owner/name"),
      /answered 403 \(gated or private; the token from HF_TOKEN does not give access/,
    );
  });
});

Deno.test("a hub that cannot be reached is known within seconds", async () => {
  await withCache(async () => {
    const started = performance.now();
    const url = closedPort();
    Deno.env.set("HF_ENDPOINT", url);
    await assert.rejects(
      openModel("owner/name"),
      (error: Error) =>
        error.message.startsWith(`Cannot open owner/name: ${url} cannot be reached (`) &&
        error.message.includes("gguf file or a packaged model"),
    );
    assert.ok(performance.now() - started < 5000);
  });
});

Deno.test("hostile listings are refused: names that leave their folder, sizes, other forms", async () => {
  const names = [
    "../evil.safetensors",
    "/evil.safetensors",
    "a/../../b.safetensors",
    "..\\evil.safetensors",
    "C:evil",
    "a//b",
    7,
  ];
  for (const path of names) {
    await withHub(async (hub, folder) => {
      addModel(hub);
      hub.listing = [{ type: "file", path, size: 3, oid: "" }];
      await assert.rejects(openModel("owner/name"), /leaves its folder, expected a name inside it/);
      assert.deepEqual(await fileNames(folder), []);
    });
  }
  await withHub(async (hub) => {
    hub.listing = { error: "sign in" };
    await assert.rejects(openModel("owner/name"), /did not answer with the hub's JSON/);
    hub.listing = [{ type: "file", path: "config.json", size: -1 }];
    await assert.rejects(openModel("owner/name"), /-1 bytes, expected a valid size/);
  });
});

Deno.test("files for which the hub gives no hash are fetched, and a notice names them", async () => {
  await withHub(async (hub) => {
    addModel(hub);
    hub.listing = [...hub.files].map(([path, { length }]) => ({
      ...{ type: "file", path, size: length },
      ...path === "config.json" ? {} : { oid: gitHash(path, hub) },
    }));
    const notices: string[] = [];
    (await openModel("owner/name", { onNotice: (line) => notices.push(line) })).close();
    assert.ok(
      notices.includes("owner/name: the hub gives no hash for config.json; only the size is checked"),
    );
  });
});

const gitHash = (path: string, { files }: FakeHub) => {
  const bytes = files.get(path)!;
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
};

Deno.test("a hash of another form is refused before the first byte, not passed over", async () => {
  const whole = "0".repeat(64);
  const hashes = [
    ...["", "0", whole.slice(1), `${whole}0`, "G".repeat(64), `sha256:${whole}`, 7, null, undefined].map((
      oid,
    ) => ({
      lfs: { oid, size: 3, pointerSize: 1 },
      oid: whole.slice(24),
    })),
    ...["", "main", whole, "A".repeat(40), 7, null].map((oid) => ({ oid })),
  ];
  for (const hash of hashes) {
    await withHub(async (hub) => {
      addModel(hub);
      hub.listing = [{ type: "file", path: "config.json", size: 3, ...hash }];
      await assert.rejects(
        openModel("owner/name"),
        /Cannot use config\.json of owner\/name: its hash is .*, expected (64|40) hexadecimal digits/,
      );
      assert.ok(!hub.log.some((line) => line.includes("resolve")));
    });
  }
});
