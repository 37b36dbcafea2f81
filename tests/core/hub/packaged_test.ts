import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import {
  cacheEntries,
  cacheFolder,
  installWheels,
  type KnownModel,
  makeEnvironment,
  pruneCache,
} from "core/hub/mod.ts";
import { packagedModel, packageFolder } from "core/hub/packages/packaged.ts";
import { refuses } from "../../support.ts";
import { pattern, sha256, withCache } from "./fake_hub.ts";

const PARTS = [pattern(1000), pattern(500).reverse()];
const WHOLE = new Uint8Array([...PARTS[0], ...PARTS[1]]);

const part = (i: number) => (
  { package: `part-${i}`, version: "1.0", size: 900, sha256: "0".repeat(64), path: `part/chunk${i}` }
);

const MODEL: KnownModel = {
  ...{ name: "tiny", alias: "t", architecture: "llama", licence: "Terms of Tiny", file: "tiny.gguf" },
  ...{ size: WHOLE.length, sha256: sha256(WHOLE), source: [part(0), part(1)] },
};

/** Runs a test with a `python3` that is this shell script and nothing else of that name. */
async function withPython(script: string | null, test: (folder: string) => Promise<void>): Promise<void> {
  await withCache(async (folder) => {
    const bin = join(folder, "bin");
    await Deno.mkdir(bin);
    if (script !== null) {
      const text = `#!/bin/sh\necho "$@" >> ${folder}/calls\n${script}`;
      await Deno.writeTextFile(join(bin, "python3"), text, { mode: 0o755 });
    }
    for (const [i, bytes] of PARTS.entries()) await Deno.writeFile(join(folder, `chunk${i}`), bytes);
    Deno.env.set("PATH", script === null ? bin : `${bin}:${Deno.env.get("PATH")}`);
    await test(folder);
  });
}

/** Does what pip would: `--target DIR … -r FILE`, with the chunk that the requirement's name ends in. */
const INSTALL = `
while [ "$1" != "--target" ]; do shift; done
target=$2; requirements=$4
n=$(sed 's/^part-\\(.\\)==.*/\\1/' "$requirements")
mkdir -p "$target/part" && cp "$(dirname "$0")/../chunk$n" "$target/part/chunk$n"`;

Deno.test("the chunks of a model are joined in order, verified and put in place; then nothing is fetched", () =>
  withPython(INSTALL, async (folder) => {
    const notices: string[] = [];
    const path = await packagedModel(MODEL, { onNotice: (line) => notices.push(line) });
    assert.deepEqual(await Deno.readFile(path), WHOLE);
    assert.match(
      notices[0],
      /^tiny: 1\.80 kB from the Python package index, licence: Terms of Tiny; .* free$/,
    );
    assert.match(notices[1], /^tiny: 1\.50 kB unpacked and verified in \d+\.\d s$/);
    const calls = await Deno.readTextFile(join(folder, "calls"));
    for (const flag of ["--only-binary :all:", "--no-deps", "--require-hashes", "--retries", "--timeout"]) {
      assert.ok(calls.includes(flag));
    }
    assert.equal(await packagedModel(MODEL), path);
    assert.equal(await Deno.readTextFile(join(folder, "calls")), calls);
    const [entry] = await cacheEntries();
    assert.equal(entry.name, "tiny");
    assert.ok(entry.bytes >= WHOLE.length && Date.now() - entry.lastUse.getTime() < 60_000);
  }));

Deno.test("a cached file that was changed is found out and fetched again", () =>
  withPython(INSTALL, async () => {
    const path = await packagedModel(MODEL);
    await Deno.writeFile(path, new Uint8Array(WHOLE.length));
    await Deno.utime(path, new Date(), new Date(Date.now() + 5000));
    const notices: string[] = [];
    await packagedModel(MODEL, { onNotice: (line) => notices.push(line) });
    assert.match(
      notices[0],
      /^tiny: damaged in the cache \(its hash is \w+, expected \w+\), fetching it again$/,
    );
    assert.deepEqual(await Deno.readFile(path), WHOLE);
    await Deno.remove(join(dirname(path), `.${basename(path)}.stamp`));
    assert.equal(await packagedModel(MODEL), path);
  }));

Deno.test("a model that two fetch at once is here for both", () =>
  withPython(INSTALL, async (folder) => {
    const paths = await Promise.all([1, 2, 3].map(() => packagedModel(MODEL)));
    for (const path of paths) assert.deepEqual(await Deno.readFile(path), WHOLE);
    assert.deepEqual([...Deno.readDirSync(join(folder, "cache/partial"))], []);
  }));

/** The same, but the second part's package cannot be fetched while the file `down` is there. */
const BREAK =
  'test "$n" = 1 && test -e "$(dirname "$0")/../down" && echo "ERROR: Connection broken" >&2 && exit 1';
const BREAKING = INSTALL.replace("mkdir", `\n${BREAK}\nmkdir`);

Deno.test("an interrupted download resumes with the first missing part", () =>
  withPython(BREAKING, async (folder) => {
    await Deno.writeTextFile(join(folder, "down"), "");
    await assert.rejects(packagedModel(MODEL), /Cannot fetch part-1==1\.0: .*Connection broken/);
    assert.deepEqual((await cacheEntries()).map(({ name, bytes }) => [name, bytes]), [["partial", 1000]]);
    await Deno.remove(join(folder, "down"));
    await Deno.remove(join(folder, "calls"));
    const notices: string[] = [];
    const seen: number[] = [];
    const path = await packagedModel(MODEL, {
      onNotice: (line) => notices.push(line),
      onProgress: ({ done }) => seen.push(done),
    });
    assert.deepEqual(await Deno.readFile(path), WHOLE);
    assert.equal((await Deno.readTextFile(join(folder, "calls"))).trim().split("\n").length, 1);
    assert.match(notices[0], /^tiny: 900 bytes from the Python package index/);
    assert.equal(notices[1], "tiny: 1 of 2 parts are here from an earlier attempt");
    assert.ok(seen[0] >= 900 && seen.includes(1800), `the progress counts both parts: ${seen}`);
    assert.deepEqual((await cacheEntries()).map(({ name }) => name), ["tiny"]);
  }));

Deno.test("parts of an earlier attempt that were damaged are fetched again", () =>
  withPython(BREAKING, async (folder) => {
    await Deno.writeTextFile(join(folder, "down"), "");
    await assert.rejects(packagedModel(MODEL), /Connection broken/);
    await Deno.remove(join(folder, "down"));
    const partial = join(folder, "cache/partial");
    const [{ name }] = [...Deno.readDirSync(partial)];
    await Deno.writeFile(join(partial, name), new Uint8Array(1000));
    assert.deepEqual(await Deno.readFile(await packagedModel(MODEL)), WHOLE);
    assert.deepEqual([...Deno.readDirSync(partial)], []);
  }));

Deno.test("wrong content is refused and nothing is left of it", async () => {
  const cases: [Partial<KnownModel>, RegExp][] = [
    [{ sha256: "f".repeat(64) }, /Cannot use tiny\.gguf: found SHA-256 [0-9a-f]{64}, expected f{64}/],
    [{ size: 7 }, /Cannot use tiny\.gguf: found 1500 bytes, expected 7/],
    [{ source: [{ ...part(0), path: "part/none" }] }, /Cannot use part-0==1\.0: part\/none is missing/],
  ];
  for (const [change, message] of cases) {
    await withPython(INSTALL, async () => {
      await assert.rejects(packagedModel({ ...MODEL, ...change }), message);
      assert.deepEqual(await cacheEntries(), []);
    });
  }
});

Deno.test("a failing pip says what to do", async () => {
  const failing = (line: string) => `echo '${line}' >&2; exit 1`;
  const cases: [script: string | null, RegExp][] = [
    [
      null,
      /python3 is not installed, expected Python 3 with pip \(Debian, Ubuntu: apt install python3-pip python3-venv\)/,
    ],
    [failing("/usr/bin/python3: No module named pip"), /python3 has no pip.*python3-pip python3-venv/],
    [
      failing("ERROR: No matching distribution found for part-0==1.0"),
      /index does not provide it.*a folder in Hugging Face layout or a \.gguf file; pip says: ERROR: No matching/,
    ],
    [failing("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES"), /the archive has a different hash/],
    [failing("ERROR: something else"), /pip failed: ERROR: something else/],
    [
      failing("ERROR: [Errno 28] No space left on device"),
      /disk of .* is full, expected 2\.70 kB; prune the cache/,
    ],
  ];
  for (const [script, message] of cases) {
    await withPython(script, async () => {
      await refuses("Error: Cannot ", packagedModel, [[MODEL, message]]);
      assert.deepEqual(await cacheEntries(), []);
    });
  }
});

Deno.test("a signal ends pip", () =>
  withPython("exec sleep 20", async () => {
    const started = performance.now();
    const signal = AbortSignal.timeout(200);
    await assert.rejects(packagedModel(MODEL, { signal }), { name: "TimeoutError" });
    assert.ok(performance.now() - started < 5000);
  }));

Deno.test("the cache is pruned by name; a misspelt name deletes nothing", () =>
  withPython(INSTALL, async () => {
    await packagedModel(MODEL);
    await packagedModel({ ...MODEL, name: "other" });
    const unknown = /Cannot find tyni: not in the cache, expected one of: other, tiny/;
    await assert.rejects(pruneCache(["tiny", "tyni"]), unknown);
    assert.equal((await cacheEntries()).length, 2);
    assert.deepEqual((await pruneCache(["tiny"])).map(({ name }) => name), ["tiny"]);
    assert.deepEqual((await pruneCache("all")).map(({ name }) => name), ["other"]);
    assert.deepEqual(await cacheEntries(), []);
  }));

/** What would ask the package index, by the end of its refusal where HF_HUB_OFFLINE is set. */
const asks: Readonly<Record<string, () => Promise<unknown>>> = {
  "tiny: .+; unset HF_HUB_OFFLINE or set LAMINA_CACHE to a folder that has it": () => packagedModel(MODEL),
  "part-0-1\\.0: .+ to a folder that has it": () =>
    packageFolder({ ...part(0), licence: "Ours", path: "part" }),
  "part-1-1\\.0: .+; unset HF_HUB_OFFLINE": () =>
    installWheels([{ ...part(1), licence: "Ours", kept: [], bytes: 1 }], cacheFolder(), {}, LINUX),
  "the packages of .+venv: .+; unset HF_HUB_OFFLINE": () =>
    makeEnvironment({ folder: join(cacheFolder(), "venv"), requirements: ["six==1.16.0"] }),
};
const LINUX = { os: "linux", arch: "x86_64" };

Deno.test("offline, pip is not run, and the error names the variable", () =>
  withPython(INSTALL, async (folder) => {
    Deno.env.set("HF_HUB_OFFLINE", "1");
    for (const [message, ask] of Object.entries(asks)) {
      const why = ": HF_HUB_OFFLINE forbids the network, expected it on this machine";
      await assert.rejects(ask, { message: RegExp(`^Cannot fetch ${message}$`.replace(": .+", `${why}.*`)) });
    }
    await assert.rejects(Deno.stat(join(folder, "calls")), Deno.errors.NotFound);
    Deno.env.delete("HF_HUB_OFFLINE");
    await packagedModel(MODEL);
  }));
