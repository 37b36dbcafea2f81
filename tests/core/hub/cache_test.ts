/** The cache among other people's files and other processes: what is deleted, who may read it, what is left of a kill. */
import assert from "node:assert/strict";
import { basename, dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { cacheEntries, openModel, pruneCache, verifyCache } from "core/hub/mod.ts";
import { openLocked, partialFolder, partialPath, withPartial } from "core/hub/cache/partial.ts";
import { COMMIT, layOut, pattern, sha256, withCache, withHub } from "./fake_hub.ts";
import { MODEL, WEIGHTS } from "./hub_model.ts";
import { withFolder } from "../../support.ts";
import { printed, unless, words } from "../../tools.ts";

const PROJECT = fileURLToPath(new URL("../../../", import.meta.url));
/** All paths below a folder, links with what they say. */
async function tree(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isSymlink } of Deno.readDir(folder)) {
    const path = join(folder, name);
    found.push(isSymlink ? `${path} → ${await Deno.readLink(path)}` : path);
    if (isDirectory) found.push(...await tree(path));
  }
  return found.sort();
}

async function write(path: string, text = "theirs"): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeTextFile(path, text);
}

Deno.test("in a folder that others use, prune deletes what Lamina fetched and nothing else", () =>
  withHub(MODEL, async (_, folder) => {
    const home = join(folder, "home");
    Deno.env.set("LAMINA_CACHE", home); // as HF_HOME
    Deno.env.set("HF_HUB_CACHE", join(home, "hub"));
    await layOut(join(home, "hub"), { ...MODEL, "tokenizer.json": undefined, "config.json": undefined });
    const theirs =
      words`token models/mine/model.gguf packages/requests/setup.py partial/thesis.tex checked/list.txt
      hub/models--a--b/snapshots/x/model.safetensors partial/0123456789abcdef01234567/chapter`;
    for (const path of theirs) await write(join(home, path));
    const elsewhere = join(folder, "elsewhere");
    await write(join(elsewhere, ".x.stamp"), "{}");
    await write(join(elsewhere, "x"));
    await Deno.symlink(elsewhere, join(home, "models/link"));
    await Deno.symlink(elsewhere, join(home, "hub/models--owner--name/snapshots", COMMIT, "link"));
    const before = [await tree(home), await tree(elsewhere)];
    await openModel("owner/name");
    assert.deepEqual((await cacheEntries()).map(({ name, bytes }) => [name, bytes]), [["owner/name", 4]]);
    assert.deepEqual((await pruneCache("all")).map(({ name }) => name), ["owner/name"]);
    const stamps = (path: string) => !/\/checked\/.*\.stamp$/.test(path);
    assert.deepEqual([(await tree(home)).filter(stamps), await tree(elsewhere)], before);
    assert.deepEqual(await cacheEntries(), []);
  }));

Deno.test("an entry that is ours alone leaves nothing behind; rooms that are links are left alone", () =>
  withHub(MODEL, async (_, folder) => {
    await openModel("owner/name@v1");
    const cache = join(folder, "cache");
    await Deno.rename(join(cache, "hub"), join(folder, "far"));
    await Deno.symlink(join(folder, "far"), join(cache, "hub"));
    const before = await tree(join(folder, "far"));
    assert.deepEqual(await pruneCache("all"), []);
    assert.deepEqual(await tree(join(folder, "far")), before);
    await Deno.remove(join(cache, "hub"));
    await Deno.rename(join(folder, "far"), join(cache, "hub"));
    await pruneCache(["owner/name"]);
    assert.deepEqual(await tree(join(cache, "hub")), []);
  }));

Deno.test("names that are paths are refused, and nothing is deleted", () =>
  withHub(MODEL, async (_, folder) => {
    await openModel("owner/name");
    const before = await tree(folder);
    for (
      const name of ["..", "../cache", "/", folder, "hub/models--owner--name", ".", "", "owner/name/..", "*"]
    ) {
      await assert.rejects(pruneCache(["owner/name", name]), /^RangeError: .*not in the cache/);
      await assert.rejects(verifyCache([name]), RangeError);
    }
    assert.deepEqual(await tree(folder), before);
  }));

Deno.test("what was fetched is as readable as the umask says", async () => {
  const mask = Deno.umask(0o022);
  try {
    await withHub(MODEL, async (_, folder) => {
      await openModel("owner/name");
      const fetched = await tree(join(folder, "cache"));
      assert.ok(fetched.some((path) => path.includes("model.safetensors")), fetched.join("\n"));
      for (const path of fetched) {
        const { mode, isDirectory } = await Deno.lstat(path);
        assert.equal(mode! & 0o777, isDirectory ? 0o755 : 0o644, path);
      }
    });
  } finally {
    Deno.umask(mask);
  }
});

/** Runs a program of the project as another user, or in a namespace of its own; gives what it prints. */
async function elsewhere(
  prefix: string[],
  code: string,
  project = PROJECT,
  deno = Deno.execPath(),
): Promise<string> {
  const hub = pathToFileURL(join(project, "src/core/hub/mod.ts"));
  const config = join(project, "deno.json");
  const program = `import * as hub from ${JSON.stringify(hub.href)};
    try { ${code} } catch (error) { console.log(error.name + ": " + error.message); }`;
  return await withFolder(async (folder) => {
    await Deno.chmod(folder, 0o755);
    const script = join(folder, "script.ts");
    await Deno.writeTextFile(script, program, { mode: 0o644 });
    const [command, ...args] = [...prefix, deno, "run", "-A", "--quiet", "-c", config, script];
    return (await printed(command, args)).trim();
  });
}

/** A program that prints the fingerprint of a model. */
const printing = (ref: string) => `console.log(await (await hub.openModel("${ref}")).fingerprint());`;

async function runs(command: string, ...args: string[]): Promise<boolean> {
  const ran = new Deno.Command(command, { args, stdout: "null", stderr: "null" }).output();
  return await ran.then(({ success }) => success, () => false);
}

const ANOTHER_USER = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
const hasMounts = await runs("unshare", "-rm", "mount", "-t", "tmpfs", "none", "/tmp");

/** A shell that runs what follows after these commands; what they mount is seen by it alone. */
const after = (unshare: string, ...commands: string[]) => [
  ...["unshare", unshare, "sh", "-c"],
  `${commands.join(" && ")} && exec "$@"`,
  "sh",
];

/** A user who may read what everyone may: a prefix of commands, and the project and Deno where that user sees them. */
type Nobody = { readonly prefix: string[]; readonly project: string; readonly deno: string };

/** This project, Deno and its packages may lie in a private home: the user sees them mounted in `folder`. */
async function asNobody(folder: string): Promise<Nobody> {
  await Deno.chmod(folder, 0o755);
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(info.stdout));
  const places = { packages: denoDir, project: PROJECT, deno: dirname(Deno.execPath()) };
  const word = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
  const mounts = Object.entries(places).map(async ([name, place]) => {
    await Deno.mkdir(join(folder, name));
    return `mount --bind ${word(place)} ${word(join(folder, name))}`;
  });
  const variables = `export DENO_DIR=${word(join(folder, "packages"))} HOME=/nonexistent`;
  return {
    prefix: [...after("-m", ...await Promise.all(mounts), `cd /`, variables), ...ANOTHER_USER],
    project: join(folder, "project"),
    deno: join(folder, "deno", basename(Deno.execPath())),
  };
}

/** Whether another user can run the project here: not where files are only their owner's, or the temporary folder is private. */
async function hasUsers(): Promise<boolean> {
  return await withFolder(async (folder) => {
    const { prefix: [command, ...args], project, deno } = await asNobody(folder);
    const code = `Deno.readTextFileSync(${JSON.stringify(`${project}/deno.json`)})`;
    return await runs(command, ...args, deno, "eval", code);
  });
}

const user =
  "another user reads a cache that it may not write to; a file that is missing is an error that says what to do";
unless(await hasUsers() ? null : "no other user who can read this folder")(user, async () => {
  await withHub(MODEL, async (_, folder) => {
    await openModel("owner/name");
    const { prefix, project, deno } = await asNobody(folder);
    const open = (ref: string) => elsewhere(prefix, printing(ref), project, deno);
    await Deno.mkdir(join(folder, "huggingface/models--owner--name/refs"), { recursive: true, mode: 0o700 });
    const print = await open("owner/name"); // another user's Hugging Face cache, which may not be read, is passed over
    assert.equal(print, await (await openModel("owner/name")).fingerprint());
    const snapshot = join(folder, "cache/hub/models--owner--name/snapshots", COMMIT);
    await Deno.remove(join(snapshot, "config.json"));
    assert.match(await open("owner/name"), /^Error: Cannot write to the cache .*; set LAMINA_CACHE to one/);
  });
});

Deno.test("a cache that is a file is an error that says so, before anything is fetched", () =>
  withHub(MODEL, async (hub, folder) => {
    await Deno.writeTextFile(join(folder, "cache"), "");
    const message = /Cannot write to the cache .*\/cache: .*set LAMINA_CACHE to one/;
    await assert.rejects(openModel("owner/name"), message);
    assert.deepEqual(await cacheEntries(), []);
    assert.ok(!hub.log.some((line) => line.includes("resolve")));
  }));

const full =
  "a disk that becomes full: the error names free and needed bytes, and the download is gone on with";
unless(hasMounts ? null : "no mounts of one's own")(full, async () => {
  await withHub(async (hub, folder) => {
    const bytes = pattern(400_000);
    hub.files.set("a.gguf", bytes);
    const small = join(folder, "cache");
    await Deno.mkdir(small);
    const url = `${hub.url}/owner/name/resolve/${COMMIT}/a.gguf`;
    const expected = JSON.stringify({ size: bytes.length, sha256: sha256(bytes) });
    const code = `
      const { download } = await import("${new URL(
      "../../../src/core/hub/remote/download.ts",
      import.meta.url,
    )}");
      const { partialPath } = await import("${new URL(
      "../../../src/core/hub/cache/partial.ts",
      import.meta.url,
    )}");
      const fetched = () => download("${url}", "${small}/x/a.gguf", ${expected}, { name: "a.gguf" });
      const message = await fetched().then(() => "no error", (error) => error.message);
      const { size } = await Deno.stat(partialPath("${url}"));
      const found = [...Deno.readDirSync("${small}/x")].length;
      await new Deno.Command("mount", { args: ["-i", "-o", "remount,size=2m", "none", "${small}"] }).output();
      await fetched();
      console.log(JSON.stringify({ message, size, found, whole: (await Deno.stat("${small}/x/a.gguf")).size }));`;
    const out = await elsewhere(after("-rm", `mount -t tmpfs -o size=200k none ${small}`), code);
    const { message, size, found, whole } = JSON.parse(out);
    assert.match(message, /^Cannot fetch a\.gguf: \d.* free in .*\/cache, expected \d+ kB; prune the cache/);
    assert.ok(size > 0 && size < 300_000, `${size} bytes are kept`);
    assert.deepEqual([found, whole], [0, bytes.length]);
    assert.match(hub.log.findLast((line) => line.startsWith("STORE"))!, new RegExp(`bytes=${size}-`));
  });
});

Deno.test("a download that was killed is gone on with; what is of no use is swept away; what is locked stays", () =>
  withHub(MODEL, async (hub, folder) => {
    const url = `${hub.url}/owner/name/resolve/${COMMIT}/model.safetensors`;
    const partial = join(folder, "cache/partial");
    assert.equal(partialFolder(), partial);
    await Deno.mkdir(partial, { recursive: true });
    await Deno.writeFile(partialPath(url), WEIGHTS.subarray(0, 70_000));
    const name = (digit: string) => join(partial, digit.repeat(24));
    for (const digit of ["1", "2", "3", "4"]) {
      await Deno.writeTextFile(name(digit), digit === "2" ? "" : "part");
    }
    const longAgo = new Date(Date.now() - 8 * 24 * 3600 * 1000);
    for (const digit of ["3", "4"]) await Deno.utime(name(digit), longAgo, longAgo);
    using _held = await openLocked(name("4"));
    const dead = join(partial, crypto.randomUUID());
    await Deno.mkdir(dead);
    await write(join(dead, "0/target/file"));
    await Deno.writeTextFile(`${dead}.lock`, "");
    await withPartial(async (alive) => {
      await write(join(alive, "file"));
      await openModel("owner/name");
      const left = (await tree(partial)).filter((path) => !path.startsWith(alive));
      assert.deepEqual(left, [name("1"), name("4")]);
      assert.equal(await Deno.readTextFile(join(alive, "file")), "theirs");
      await pruneCache(["partial"]);
      const kept = [`${alive}`, `${alive}.lock`, join(alive, "file"), name("4")];
      assert.deepEqual(await tree(partial), kept.sort());
    });
    assert.deepEqual(await tree(partial), [name("4")]);
    const starts = hub.log.filter((line) => line.startsWith("STORE")).map((line) => /=(\d+)/.exec(line)![1]);
    assert.deepEqual(starts, ["70000"]);
  }));

Deno.test("two processes that fetch the same model at once both have it, and fetch it once", () =>
  withHub(MODEL, async (hub, folder) => {
    const prints = await Promise.all([1, 2, 3].map(() => elsewhere(["env"], printing("owner/name"))));
    assert.match(prints[0]!, /^files:/);
    assert.equal(new Set(prints).size, 1, prints.join("\n"));
    assert.equal(hub.log.filter((line) => line.startsWith("STORE")).length, 1);
    assert.deepEqual(await tree(join(folder, "cache/partial")), []);
  }));

Deno.test("who waits for another process's download stops with the signal", () =>
  withCache(async () => {
    await Deno.mkdir(partialFolder(), { recursive: true });
    const path = join(partialFolder(), "0".repeat(24));
    using _held = await openLocked(path);
    await assert.rejects(openLocked(path, AbortSignal.timeout(50)), { name: "TimeoutError" });
  }));
