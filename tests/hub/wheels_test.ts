/** Libraries out of wheels: with the machine's own pip, from wheels that are made here; nothing is asked of the network. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { cudaWheels, installWheels, missingPackages } from "../../src/hub/mod.ts";
import type { Wheel } from "../../src/hub/packages/wheels.ts";
import { withFolder } from "../support.ts";
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
  index: string,
  name: string,
  version: string,
  tag: string,
  files: Readonly<Record<string, string>>,
  kept: readonly string[],
): Promise<Wheel> {
  const path = join(index, `${name}-${version}-${tag}.whl`);
  const args = ["-c", MAKE, path, name, version, tag, JSON.stringify(files)];
  const { success, stderr } = await new Deno.Command("python3", { args }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
  const bytes = await Deno.readFile(path);
  const size = bytes.length;
  return { package: name, version, licence: "Ours", size, sha256: sha256(bytes), kept, bytes: size };
}

/** Hands over a folder to install into and two wheels of it; pip looks for packages in a folder alone. */
async function withWheels(
  use: (folder: string, wheels: [Wheel, Wheel], index: string) => Promise<void>,
): Promise<void> {
  await withFolder(async (root) => {
    const [index, folder] = [join(root, "index"), join(root, "cuda")];
    await Deno.mkdir(index);
    const runtime = await makeWheel(index, "runtime", "1.0", "cp312-cp312-manylinux_2_28_x86_64", {
      "runtime/lib/libruntime.so.1": "machine code",
      "runtime/lib/libextra.so": "not wanted",
      "runtime/include/runtime.h": "int runtime();",
    }, ["runtime/lib/libruntime.so.1", "runtime/include"]);
    const products = await makeWheel(index, "products", "2.0", "py3-none-manylinux_2_27_x86_64", {
      "products/libproducts.so.2": "products",
    }, ["products/libproducts.so.2"]);
    Deno.env.set("PIP_NO_INDEX", "1");
    Deno.env.set("PIP_FIND_LINKS", index);
    try {
      await use(folder, [runtime, products], index);
    } finally {
      Deno.env.delete("PIP_NO_INDEX");
      Deno.env.delete("PIP_FIND_LINKS");
    }
  });
}

/** Every file below a folder, stamps apart. */
function filesOf(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? filesOf(join(folder, name), `${prefix}${name}/`)
      : name.endsWith(".stamp")
      ? []
      : [prefix + name]
  ).sort();
}

function withPip(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: hasPip ? name : `${name} (skipped: no python3 with pip on Linux)`, ignore: !hasPip, fn });
}

const ALL = ["products-2.0/libproducts.so.2", "runtime-1.0/include/runtime.h", "runtime-1.0/libruntime.so.1"];

withPip(
  "wheels are installed side by side, what is not kept of them is gone, and a second run fetches nothing",
  () =>
    withWheels(async (folder, wheels, index) => {
      const notices: string[] = [];
      const done: number[] = [];
      await installWheels(wheels, folder, {
        onNotice: (line) => notices.push(line),
        onProgress: (progress) => done.push(progress.done),
      }, LINUX);
      assert.deepEqual(filesOf(folder), ALL);
      assert.match(notices[0], /^runtime 1\.0, \S+ (?:bytes|kB), licence: Ours: not installed yet$/);
      assert.match(notices[1], /^products 2\.0, .*: not installed yet$/);
      assert.match(
        notices[2],
        /^fetching .* from the Python package index, .* on the disk; .* free in .*cuda$/,
      );
      assert.equal(done.at(-1), wheels[0].size + wheels[1].size);
      await Deno.remove(index, { recursive: true });
      const again: string[] = [];
      await installWheels(wheels, folder, { onNotice: (line) => again.push(line) }, LINUX);
      assert.deepEqual(again.map((line) => line.replace(/^.*: /, "")), ["installed", "installed"]);
    }),
);

withPip(
  "what is damaged or missing is fetched again, and another version of a package is removed",
  () =>
    withWheels(async (folder, wheels) => {
      await installWheels(wheels, folder, {}, LINUX);
      await Deno.writeTextFile(`${folder}/runtime-1.0/libruntime.so.1`, "machine cod3");
      await Deno.remove(`${folder}/products-2.0/libproducts.so.2`);
      await Deno.mkdir(`${folder}/products-1.9`);
      await Deno.mkdir(`${folder}/products-extra-1`);
      const notices: string[] = [];
      await installWheels(wheels, folder, { onNotice: (line) => notices.push(line) }, LINUX);
      assert.match(notices[0], /: damaged \(.*libruntime\.so\.1: its hash is \w+, expected \w+\)$/);
      assert.match(notices[1], /: damaged \(.*libproducts\.so\.2: it is missing\)$/);
      assert.deepEqual(filesOf(folder), ALL);
      assert.equal(await Deno.readTextFile(`${folder}/runtime-1.0/libruntime.so.1`), "machine code");
      const names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
      assert.deepEqual(names, ["partial", "products-2.0", "products-extra-1", "runtime-1.0"]);
    }),
);

withPip(
  "a wheel of another hash, or without a file that is wanted, leaves nothing behind",
  () =>
    withWheels(async (folder, [runtime]) => {
      const cases: [Partial<Wheel>, RegExp][] = [
        [
          { sha256: "0".repeat(64) },
          /Cannot fetch runtime==1\.0: the archive has a different hash, expected/,
        ],
        [
          { kept: ["runtime/none.so"] },
          /Cannot install runtime-1\.0: runtime\/none\.so is missing, expected/,
        ],
      ];
      for (const [change, message] of cases) {
        await assert.rejects(installWheels([{ ...runtime, ...change }], folder, {}, LINUX), message);
        assert.deepEqual(filesOf(folder), []);
        assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["partial"]);
      }
    }),
);

withPip(
  "an interrupted run ends with the signal's reason, and the next one removes what a killed one left",
  () =>
    withWheels(async (folder, wheels) => {
      const stopped = AbortSignal.abort(new Error("stopped by hand"));
      await assert.rejects(installWheels(wheels, folder, { signal: stopped }, LINUX), /stopped by hand/);
      assert.deepEqual(filesOf(folder), []);
      const stray = `${folder}/partial/${crypto.randomUUID()}`;
      await Deno.mkdir(stray);
      await Deno.writeTextFile(`${stray}/half.whl`, "half");
      await Deno.writeTextFile(`${stray}.lock`, "");
      await installWheels(wheels, folder, {}, LINUX);
      assert.deepEqual(filesOf(folder), ALL);
    }),
);

Deno.test("another system, and a disk that is too small, are refused before anything is fetched", () =>
  withFolder(async (folder) => {
    const place = `${folder}/cuda`;
    for (const platform of [{ os: "darwin", arch: "aarch64" }, { os: "linux", arch: "aarch64" }]) {
      await assert.rejects(
        installWheels(cudaWheels, place, {}, platform),
        {
          message: `Cannot install onnxruntime-gpu: this is ${platform.os} on ${platform.arch}, ` +
            "expected linux on x86_64",
        },
      );
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
    const huge = { ...cudaWheels[0], bytes: 2 ** 60 };
    await assert.rejects(
      installWheels([huge], place, {}, LINUX),
      /Cannot install onnxruntime-gpu-1\.30\.0: .* free in .*cuda, expected 1\.15e\+3 PB \(247 MB from/,
    );
    assert.deepEqual([...Deno.readDirSync(place)], []);
  }));

Deno.test("the pinned wheels keep each library once", () => {
  const libraries = cudaWheels.flatMap(({ kept }) => kept).filter((path) => path.includes(".so"))
    .map((path) => path.split("/").at(-1)!);
  assert.equal(new Set(libraries).size, libraries.length);
  for (const name of ["libonnxruntime_providers_cuda.so", "libcublasLt.so.13", "libcurand.so.10"]) {
    assert.ok(libraries.includes(name), name);
  }
  for (const { package: name, sha256, bytes, size } of cudaWheels) {
    assert.match(sha256, /^[0-9a-f]{64}$/, name);
    assert.ok(bytes > size, name);
  }
});
