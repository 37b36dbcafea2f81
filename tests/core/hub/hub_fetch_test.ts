/** Requests to the hub's API: what is tried again, bounded and refused, and where the token comes from and goes. */
import assert from "node:assert/strict";
import { refuses } from "../../support.ts";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { datasetFile, findToken, openModel } from "core/hub/mod.ts";
import { Dropped, pauseOf, waitOf } from "core/hub/retry.ts";
import { closedPort, COMMIT, type FakeHub, pattern, serve, withCache, withHub } from "./fake_hub.ts";
import { fileNames, REPOSITORY } from "./hub_model.ts";

const GGUF = { "a.gguf": pattern(200_000) };

/** Answers the first requests of the API with these, in order. */
function failFirst(hub: FakeHub, ...answers: (() => Response)[]): void {
  hub.intercept = (request) => request.url.includes("/api/") ? answers.shift()?.() : undefined;
}

/** A refusal that asks for no pause, unless the headers say otherwise. */
const status = (status: number, headers: Record<string, string> = {}) => () =>
  new Response("no", { status, headers: { "retry-after": "0", ...headers } });

/** Breaks the connection in the middle of an answer. */
const broken = () =>
  new Response(
    new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('{"sha":'));
        setTimeout(() => controller.error(new Error("broken")), 20);
      },
    }),
  );

Deno.test("too many requests, a failing server and a lost connection are tried again; then the hub's refusal is told", async () => {
  for (const fault of [429, 502, 503, 504].map((code) => status(code)).concat(broken)) {
    await withHub(GGUF, async (hub) => {
      failFirst(hub, fault, fault);
      assert.deepEqual((await openModel("owner/name")).list(), ["a.gguf"]);
    });
  }
  await withHub(GGUF, async (hub) => {
    failFirst(hub, status(503), status(503), status(503));
    await assert.rejects(openModel("owner/name"), /the hub answered 503, expected 200; try again later/);
    failFirst(hub, status(404));
    const asked = hub.log.length;
    await assert.rejects(openModel("owner/name"), /the hub answered 404/);
    assert.equal(hub.log.length, asked + 1, "a refusal for good is not tried again");
  });
});

Deno.test("Retry-After is heeded, in seconds and as a date, and the signal ends the wait at once", async () => {
  const now = Date.parse("2025-01-01T00:00:00Z");
  assert.equal(waitOf("7", now), 7000);
  assert.equal(waitOf("Wed, 01 Jan 2025 00:00:05 GMT", now), 5000);
  assert.equal(waitOf("Tue, 31 Dec 2024 00:00:00 GMT", now), 0);
  for (const none of [null, "soon", "-1", "1e9"]) assert.ok(!(waitOf(none, now)! > 0), `${none}`);
  for (const failures of [1, 2, 3]) {
    const [least, asked] = [new Dropped(""), new Dropped("", 429, 5000)]
      .map((dropped) => pauseOf(dropped, failures));
    assert.ok(least >= 125 * 2 ** failures && least <= 1.25 * 125 * 2 ** failures);
    assert.ok(asked >= 5000 && asked <= 1.25 * 5000, "as long as the server says, and a share more");
  }
  await withHub(GGUF, async (hub) => {
    failFirst(hub, status(429, { "retry-after": "1" }));
    const started = performance.now();
    await openModel("owner/name");
    assert.ok(performance.now() - started >= 1000);
  });
  await withHub(GGUF, async (hub) => {
    failFirst(hub, status(429, { "retry-after": "99999999" }));
    await assert.rejects(openModel("owner/name"), /answered 429, expected 200; try again in 99999999 s, or/);
    failFirst(hub, status(503, { "retry-after": "20" }));
    const started = performance.now();
    const signal = AbortSignal.timeout(200);
    await assert.rejects(openModel("owner/name", { signal }), { name: "TimeoutError" });
    assert.ok(performance.now() - started < 2000);
  });
});

Deno.test("a listing without an end is given up: pages, entries, bytes", async () => {
  const page = (hub: FakeHub, entries: number) => () =>
    Response.json(Array(entries).fill({ type: "directory", path: "x", size: 0, oid: "" }), {
      headers: { link: `<${hub.url}/api/models/owner/name/tree/${COMMIT}?cursor=x>; rel="next"` },
    });
  const endless = (hub: FakeHub, answer: () => Response) => {
    hub.intercept = (request) => request.url.includes("/tree/") ? answer() : undefined;
  };
  await withHub(async (hub) => {
    endless(hub, page(hub, 0));
    await assert.rejects(openModel("owner/name"), /answered with more than 100 pages, expected fewer/);
    endless(hub, page(hub, 3000));
    await assert.rejects(openModel("owner/name"), /more than 10000 entries, expected a model/);
    let sent = 0;
    endless(hub, () =>
      new Response(
        new ReadableStream({
          pull: (controller) =>
            controller.enqueue(new Uint8Array(sent < 2 ** 28 ? 2 ** 20 : 0).fill(32, sent++)),
        }),
      ));
    await assert.rejects(openModel("owner/name"), /answered with more than 67108864 bytes, expected fewer/);
    assert.ok(sent < 200, `${sent} MiB were taken`);
  });
});

Deno.test("the token is looked for where Hugging Face's tools keep it, in their order", () =>
  withCache(async (folder) => {
    assert.equal(findToken(), null);
    await Deno.mkdir(join(folder, "home"));
    await Deno.writeTextFile(join(folder, "home/token"), "hf_login\n");
    assert.deepEqual(findToken(), { value: "hf_login", from: join(folder, "home/token") });
    await Deno.writeTextFile(join(folder, "mine"), "hf_path");
    Deno.env.set("HF_TOKEN_PATH", join(folder, "mine"));
    assert.equal(findToken()!.value, "hf_path");
    Deno.env.set("HUGGING_FACE_HUB_TOKEN", "hf_old");
    assert.equal(findToken()!.value, "hf_old");
    Deno.env.set("HF_TOKEN", " hf_new\n");
    assert.deepEqual(findToken(), { value: "hf_new", from: "HF_TOKEN" });
    Deno.env.set("HF_TOKEN", "hf_two\nlines");
    assert.throws(
      findToken,
      ({ message }: Error) => message.includes("HF_TOKEN") && !message.includes("hf_two"),
    );
    for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) Deno.env.delete(name);
    await Deno.remove(join(folder, "mine"));
    assert.equal(findToken()!.value, "hf_login", "a path at which nothing is does not count");
  }));

Deno.test("the token goes to the hub, and neither along a link nor along a redirect to another server", async () => {
  let [asked, seen] = [0, 0];
  await using elsewhere = serve((request) => {
    asked++;
    if (request.headers.has("authorization")) seen++;
    return Response.json([]);
  });
  await withHub(async (hub) => {
    Deno.env.set("HF_TOKEN", "hf_secret");
    const away = `${elsewhere.url}/api/models/owner/name/tree/${COMMIT}`;
    hub.intercept = (request) => {
      if (!request.url.includes("/tree/")) return undefined;
      return Response.json([], { headers: { link: `<${away}>; rel="next"` } });
    };
    await assert.rejects(openModel("owner/name"), /it has no weights/);
    assert.equal(hub.tokens.hub, "Bearer hf_secret");
    hub.intercept = (request) => request.url.includes("/tree/") ? Response.redirect(away, 302) : undefined;
    await assert.rejects(openModel("owner/name"), /it has no weights/);
    assert.deepEqual([asked, seen], [2, 0]);
  });
});

Deno.test("refusals tell gated, private and misspelt apart, and never show the token", async () => {
  const cases: [status: number, code: string | undefined, token: boolean, message: RegExp][] = [
    [401, "GatedRepo", false, /gated.*no login is stored.*accept the licence at http.*`hf auth login`/],
    [403, "GatedRepo", true, /gated.*the token from HF_TOKEN does not give access.*accept the licence/],
    [401, "RepoNotFound", false, /no such repository, or a private .*check the spelling/],
    [404, "RepoNotFound", true, /expected a repository, revision and file that exist; check the spelling/],
    [404, "RevisionNotFound", true, /expected a branch, tag or commit of that repository/],
    [404, undefined, false, /a private one needs a token/],
  ];
  for (const [code, word, token, message] of cases) {
    await withHub(async (hub) => {
      if (token) Deno.env.set("HF_TOKEN", "hf_secret");
      hub.intercept = () => new Response("", { status: code, headers: word ? { "x-error-code": word } : {} });
      const isRight = (error: Error) => message.test(error.message) && !error.message.includes("hf_secret");
      await assert.rejects(openModel("owner/name"), isRight, `${code} ${word}`);
    });
  }
});

Deno.test("an HF_ENDPOINT that is no address is an error that says how to write it, without a password", async () => {
  const cases: [address: string, name: string, meant: string][] = [
    ["hf-mirror.example", "hf-mirror.example", "hf-mirror.example"],
    ["localhost:8080", "localhost:8080", "localhost:8080"],
    ["me:secret@hub.example", "hub.example", "hub.example"],
    ["http://", "http:", "huggingface.co"],
  ];
  for (const [address, name, meant] of cases) {
    const message =
      `Cannot use HF_ENDPOINT ${name}: not an http address, expected one such as https://${meant}`;
    await withCache(async () => {
      await assert.rejects(openModel("owner/name"), { message });
      await assert.rejects(datasetFile("owner/name", "x.json"), { message });
    }, { HF_ENDPOINT: address });
  }
});

Deno.test("refusals say what to do", async () => {
  const refused = (words: RegExp, ref = "owner/name") => refuses("Error: Cannot ", openModel, [[ref, words]]);
  const cases: [number, RegExp][] = [
    [401, /answered 401 .*HF_TOKEN is not set.*accept the licence at http.*\/owner\/name.*set HF_TOKEN/],
    [403, /answered 403 .*accept the licence at http.*\/owner\/name.*set HF_TOKEN/],
    [404, /owner\/name at revision main: the hub answered 404/],
    [500, /answered 500.*\.gguf file or a packaged model \(smollm2-135m, /],
  ];
  for (const [status, words] of cases) await withHub((hub) => (hub.status = status, refused(words)));
  await withHub(REPOSITORY, async (hub) => {
    await refused(/owner\/name at revision v9: the hub answered 404/, "owner/name@v9");
    Deno.env.set("HF_TOKEN", "hf_x");
    hub.faults.set("config.json", [{ kind: "status", status: 403 }]); // gated: listed, but not given
    await refused(/answered 403 \(gated or private; the token from HF_TOKEN does not give access/);
    hub.faults.set("model.safetensors", [{ kind: "status", status: 403 }]); // of the server that the hub redirects to
    await refused(
      /http:\S+:\d+, to which the hub redirected, answered 403, expected 200; try again later, .*HF_ENDPOINT/,
    );
  });
});

Deno.test("a hub that cannot be reached is known within seconds", () =>
  withCache(async () => {
    const started = performance.now();
    const url = closedPort();
    Deno.env.set("HF_ENDPOINT", url);
    await refuses(`Error: Cannot open owner/name: ${url} cannot be reached (`, openModel, [
      ["owner/name", "gguf file or a packaged model"],
    ]);
    assert.ok(performance.now() - started < 5000);
  }));

Deno.test("hostile listings are refused: names that leave their folder, sizes, other forms", async () => {
  const names = ["../evil", "/evil", "a/../../b", "..\\evil"].map((name) => `${name}.safetensors`);
  for (const path of [...names, "C:evil", "a//b", 7]) {
    await withHub(REPOSITORY, async (hub, folder) => {
      hub.listing = [{ type: "file", path, size: 3, oid: "" }];
      await assert.rejects(openModel("owner/name"), /leaves its folder, expected a name inside it/);
      assert.deepEqual(await fileNames(folder), []);
    });
  }
  await withHub(async (hub) => {
    hub.listing = { error: "sign in" };
    await assert.rejects(openModel("owner/name"), /did not answer with the hub's JSON/);
    hub.listing = [{ type: "file", path: "config.json", size: -1 }];
    await assert.rejects(openModel("owner/name"), /its size is -1, expected a number of bytes/);
    hub.listing = [{ type: "file", path: "config.json" }];
    await assert.rejects(openModel("owner/name"), /its size is missing, expected a number of bytes/);
  });
});

/** Answers of another form, to a question for the repository, its files, and a file of a dataset; what is said of them. */
const odd: readonly [about: RegExp, ask: () => Promise<unknown>, expected: string, answers: unknown[]][] = [
  [/revision/, () => openModel("owner/name"), "an object", [null, [], "sign in", 7]],
  [/tree/, () => openModel("owner/name"), "a list of objects", [null, {}, [null], "sign in"]],
  [/paths-info/, () => datasetFile("owner/name", "a.json"), "a list of objects", [null, {}, [[]]]],
];
for (const [about, ask, expected, answers] of odd) {
  Deno.test(`the hub's answers of another form are refused by what they are: ${about}`, () =>
    withHub(REPOSITORY, async (hub) => {
      for (const answer of answers) {
        hub.intercept = ({ url }) => about.test(url) ? Response.json(answer) : undefined;
        const found = `(found ${JSON.stringify(answer)}, expected ${expected})`;
        await refuses("Error: Cannot ", ask, [[null, `did not answer with the hub's JSON ${found}`]]);
      }
    }));
}

Deno.test("files for which the hub gives no hash are fetched, and a notice names them", () =>
  withHub(REPOSITORY, async (hub) => {
    hub.listing = [...hub.files].map(([path, { length }]) => ({
      ...{ type: "file", path, size: length },
      ...path === "config.json" ? {} : { oid: gitHash(path, hub) },
    }));
    const notices: string[] = [];
    (await openModel("owner/name", { onNotice: (line) => notices.push(line) })).close();
    const notice = "owner/name: the hub gives no hash for config.json; only the size is checked";
    assert.ok(notices.includes(notice));
  }));

const gitHash = (path: string, { files }: FakeHub) => {
  const bytes = files.get(path)!;
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
};

Deno.test("a hash of another form is refused before the first byte, not passed over", async () => {
  const whole = "0".repeat(64);
  const large = ["", "0", whole.slice(1), `${whole}0`, "G".repeat(64), `sha256:${whole}`, 7, null, undefined];
  const hashes = [
    ...large.map((oid) => ({ lfs: { oid, size: 3, pointerSize: 1 }, oid: whole.slice(24) })),
    ...["", "main", whole, "A".repeat(40), 7, null].map((oid) => ({ oid })),
  ];
  for (const hash of hashes) {
    await withHub(REPOSITORY, async (hub) => {
      hub.listing = [{ type: "file", path: "config.json", size: 3, ...hash }];
      const message =
        /Cannot use config\.json of owner\/name: its hash is .*, expected (64|40) hexadecimal digits/;
      await assert.rejects(openModel("owner/name"), message);
      assert.ok(!hub.log.some((line) => line.includes("resolve")));
    });
  }
});
