/** Libraries out of packages made here, with the machine's own pip, and Deno on a registry of this machine: without the network. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { createHash } from "node:crypto";
import { cudaWheels, errorsOf, ggmlPackages, installWheels, missingPackages, PYTHON } from "core/hub/mod.ts";
import { pipReason } from "core/hub/packages/pip.ts";
import type { Pinned, Wheel } from "core/hub/packages/wheels.ts";
import { onLinux, printed, unless } from "../../tools.ts";
import { withFolder } from "../../support.ts";
import { sha256 } from "./fake_hub.ts";

const LINUX = { os: "linux", arch: "x86_64" };
const hasPip = Deno.build.os === "linux" && (await missingPackages()).length === 0;

/** Writes a wheel: `python3 -c MAKE PATH NAME VERSION TAG FILES`, FILES as JSON from path to text. */
const MAKE = `
import json, sys, zipfile
path, name, version, tag, files = sys.argv[1:]
info = f"{name}-{version}.dist-info"
files = dict(json.loads(files))
files[f"{info}/METADATA"] = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: {tag}\\n"
files[f"{info}/RECORD"] = "".join(f"{file},,\\n" for file in files)
with zipfile.ZipFile(path, "w") as archive:
    for file, text in files.items(): archive.writestr(file, text)
`;

async function makeWheel(
  name: string,
  version: string,
  tag: string,
  files: Readonly<Record<string, string>>,
  kept: readonly string[],
): Promise<Wheel> {
  const path = join(index, `${name}-${version}-${tag}.whl`);
  await printed("python3", ["-c", MAKE, path, name, version, tag, JSON.stringify(files)]);
  const bytes = await Deno.readFile(path);
  const size = bytes.length;
  return { package: name, version, licence: "Ours", size, sha256: sha256(bytes), kept, bytes: size };
}

/** Wheels in a folder, which is made once; pip looks for packages there alone. */
const root = await Deno.makeTempDir();
const index = join(root, "index");
await Deno.mkdir(index);
const variables = { PIP_NO_INDEX: "1", PIP_FIND_LINKS: index };
for (const [name, value] of Object.entries(variables)) Deno.env.set(name, value);
addEventListener("unload", () => {
  for (const name of Object.keys(variables)) Deno.env.delete(name);
  Deno.removeSync(root, { recursive: true });
});
const wheels = hasPip
  ? await Promise.all([
    makeWheel("runtime", "1.0", "cp312-cp312-manylinux_2_28_x86_64", {
      "runtime/lib/libruntime.so.1": "machine code",
      "runtime/lib/libextra.so": "not wanted",
      "runtime/include/runtime.h": "int runtime();",
    }, ["runtime/lib/libruntime.so.1", "runtime/include"]),
    makeWheel("products", "2.0", "py3-none-manylinux_2_27_x86_64", {
      "products/libproducts.so.2": "products",
    }, ["products/libproducts.so.2"]),
  ])
  : [];

/** Every file below a folder, stamps apart. */
function filesOf(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].filter(({ name }) => !name.endsWith(".stamp"))
    .flatMap(({ name, isDirectory }) =>
      isDirectory ? filesOf(join(folder, name), `${prefix}${name}/`) : [prefix + name]
    ).sort();
}

/** A test that hands over a folder to install into. */
function withPip(name: string, run: (folder: string) => Promise<void>): void {
  unless(hasPip ? null : "no python3 with pip on Linux")(
    name,
    () => withFolder((folder) => run(join(folder, "cuda"))),
  );
}

const ALL = ["products-2.0/libproducts.so.2", "runtime-1.0/include/runtime.h", "runtime-1.0/libruntime.so.1"];

/** Where the first two tests install. */
const common = join(root, "cuda");

withPip(
  "wheels are installed side by side, what is not kept of them is gone, and a second run fetches nothing",
  async () => {
    const notices: string[] = [];
    const done: number[] = [];
    await installWheels(wheels, common, {
      onNotice: (line) => notices.push(line),
      onProgress: (progress) => done.push(progress.done),
    }, LINUX);
    assert.deepEqual(filesOf(common), ALL);
    assert.match(notices[0], /^runtime 1\.0, \S+ (?:bytes|kB), licence: Ours: not installed yet$/);
    assert.match(notices[1], /^products 2\.0, .*: not installed yet$/);
    assert.match(
      notices[2],
      /^fetching .* from the Python package index, .* on the disk; .* free in .*cuda$/,
    );
    assert.equal(done.at(-1), wheels[0].size + wheels[1].size);
    await Deno.rename(index, `${index}-away`);
    const again: string[] = [];
    await installWheels(wheels, common, { onNotice: (line) => again.push(line) }, LINUX);
    await Deno.rename(`${index}-away`, index);
    assert.deepEqual(again.map((line) => line.replace(/^.*: /, "")), ["installed", "installed"]);
  },
);

withPip(
  "what is damaged or missing is fetched again, and another version of a package is removed",
  async () => {
    await installWheels(wheels, common, {}, LINUX);
    await Deno.writeTextFile(`${common}/runtime-1.0/libruntime.so.1`, "machine cod3");
    await Deno.remove(`${common}/products-2.0/libproducts.so.2`);
    await Deno.mkdir(`${common}/products-1.9`);
    await Deno.mkdir(`${common}/products-extra-1`);
    const notices: string[] = [];
    await installWheels(wheels, common, { onNotice: (line) => notices.push(line) }, LINUX);
    assert.match(notices[0], /: damaged \(.*libruntime\.so\.1: its hash is \w+, expected \w+\)$/);
    assert.match(notices[1], /: damaged \(.*libproducts\.so\.2: it is missing\)$/);
    assert.deepEqual(filesOf(common), ALL);
    assert.equal(await Deno.readTextFile(`${common}/runtime-1.0/libruntime.so.1`), "machine code");
    const names = [...Deno.readDirSync(common)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["partial", "products-2.0", "products-extra-1", "runtime-1.0"]);
  },
);

withPip(
  "a wheel of another hash, or without a file that is wanted, leaves nothing behind",
  async (folder) => {
    const cases: [Partial<Wheel>, RegExp][] = [
      [{ sha256: "0".repeat(64) }, /Cannot fetch runtime==1\.0: the archive has a different hash, expected/],
      [{ kept: ["runtime/none.so"] }, /Cannot install runtime-1\.0: runtime\/none\.so is missing, expected/],
    ];
    for (const [change, message] of cases) {
      await assert.rejects(installWheels([{ ...wheels[0], ...change }], folder, {}, LINUX), message);
      assert.deepEqual(filesOf(folder), []);
      assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["partial"]);
    }
  },
);

withPip(
  "an interrupted run ends with the signal's reason, and the next one removes what a killed one left",
  async (folder) => {
    const stopped = AbortSignal.abort(new Error("stopped by hand"));
    await assert.rejects(installWheels(wheels, folder, { signal: stopped }, LINUX), /stopped by hand/);
    assert.deepEqual(filesOf(folder), []);
    const stray = `${folder}/partial/${crypto.randomUUID()}`;
    await Deno.mkdir(stray);
    await Deno.writeTextFile(`${stray}/half.whl`, "half");
    await Deno.writeTextFile(`${stray}.lock`, "");
    await installWheels(wheels.slice(1), folder, {}, LINUX);
    assert.deepEqual(filesOf(folder), ALL.slice(0, 1));
  },
);

withPip("pip's own words are read as the reason of its failure", async () => {
  const cases = [
    ["lacking", ["-S", "-m", "pip"], {}],
    ["index", ["-m", "pip", "download", "--no-deps", "none-such==1.0"], { PIP_NO_INDEX: "1" }],
    ["index", ["-m", "pip", "download", "--retries", "0", "a==1.0"], { PIP_INDEX_URL: "http://127.0.0.1:9" }],
  ] as const;
  for (const [reason, args, env] of cases) {
    assert.equal(pipReason(await errorsOf(PYTHON, [...args], env) ?? []), reason);
  }
});

Deno.test("another system, and a disk that is too small, are refused before anything is fetched", () =>
  withFolder(async (folder) => {
    const place = `${folder}/cuda`;
    for (const platform of [{ os: "darwin", arch: "aarch64" }, { os: "linux", arch: "aarch64" }]) {
      const found = `this is ${platform.os} on ${platform.arch}, expected linux on x86_64`;
      const message = `Cannot install onnxruntime-gpu: ${found}`;
      await assert.rejects(installWheels(cudaWheels, place, {}, platform), { message });
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    const huge = { ...cudaWheels[0], bytes: 2 ** 60 };
    await assert.rejects(
      installWheels([huge], place, {}, LINUX),
      /Cannot install onnxruntime-gpu-1\.30\.0: .* free in .*cuda, expected 1\.15 EB \(247 MB from/,
    );
    assert.deepEqual([...Deno.readDirSync(place)], []);
  }));

onLinux(
  "a package of npm's is installed by its hash alone, and without the network it is named",
  () =>
    withFolder(async (folder) => {
      await Deno.mkdir(`${folder}/package`);
      await Deno.writeTextFile(`${folder}/package/package.json`, '{"name":"@a/b","version":"1.0.0"}');
      await Deno.writeTextFile(`${folder}/package/libb.so`, "machine code");
      await printed("tar", ["czf", `${folder}/b.tgz`, "-C", folder, "package"]);
      const bytes = await Deno.readFile(`${folder}/b.tgz`);
      const integrity = `sha512-${createHash("sha512").update(bytes).digest("base64")}`;
      const server = Deno.serve({ port: 0, onListen: () => {} }, ({ url }) => {
        if (url.endsWith("b-1.0.0.tgz")) return new Response(bytes);
        const dist = { tarball: new URL("/@a/b/-/b-1.0.0.tgz", url).href, integrity };
        const versions = { "1.0.0": { name: "@a/b", version: "1.0.0", dist } };
        const isKnown = url.endsWith("/@a%2fb");
        return isKnown ? Response.json({ name: "@a/b", versions }) : new Response("", { status: 404 });
      });
      const kept = { kept: ["libb.so"], bytes: 12, licence: "Ours", size: bytes.length };
      const known: Pinned = { package: "@a/b", version: "1.0.0", integrity, ...kept };
      const place = `${folder}/ggml`, registry = `http://localhost:${server.addr.port}/`;
      Deno.env.set("NPM_CONFIG_REGISTRY", registry);
      try {
        const refusals: [Partial<Pinned>, RegExp][] = [
          [
            { integrity: `sha512-${btoa("another")}` },
            /@a\/b@1\.0\.0: the archive has a different hash, expec/,
          ],
          [{ version: "2.0.0" }, /@a\/b@2\.0\.0: npm's registry does not provide it, expected a reachable/],
          [{ kept: ["none.so"] }, /Cannot install a-b-1\.0\.0: none\.so is missing, expected it in the pack/],
        ];
        for (const [change, message] of refusals) {
          await assert.rejects(installWheels([{ ...known, ...change } as Pinned], place, {}, LINUX), message);
          assert.deepEqual(filesOf(place), []);
        }
        Deno.env.set("HF_HUB_OFFLINE", "1");
        await assert.rejects(installWheels([known], place, {}, LINUX), {
          message:
            "Cannot fetch a-b-1.0.0: HF_HUB_OFFLINE forbids the network, expected it on this machine; unset HF_HUB_OFFLINE",
        });
        Deno.env.delete("HF_HUB_OFFLINE");
        await Deno.mkdir(`${place}/a-b-0.9.0`);
        await installWheels([known], place, {}, LINUX);
        Deno.env.set("HF_HUB_OFFLINE", "1");
        await installWheels([known], place, {}, LINUX);
        assert.deepEqual(filesOf(place), ["a-b-1.0.0/libb.so"]);
        assert.equal(await Deno.stat(`${place}/a-b-0.9.0`).catch(() => null), null);
      } finally {
        for (const name of ["NPM_CONFIG_REGISTRY", "HF_HUB_OFFLINE"]) Deno.env.delete(name);
        await server.shutdown();
      }
    }),
);

Deno.test("the pinned wheels keep each library once", () => {
  const paths = [...cudaWheels, ...ggmlPackages].flatMap(({ kept }) => kept);
  const libraries = paths.filter((path) => path.includes(".so")).map((path) => path.split("/").at(-1)!);
  assert.equal(new Set(libraries).size, libraries.length);
  for (const name of ["libonnxruntime_providers_cuda.so", "libcublasLt.so.13", "libcurand.so.10"]) {
    assert.ok(libraries.includes(name), name);
  }
  for (const { package: name, sha256, bytes, size } of cudaWheels) {
    assert.match(sha256, /^[0-9a-f]{64}$/, name);
    assert.ok(bytes > size, name);
  }
});
