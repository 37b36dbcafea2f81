/** `lamina doctor` as a person runs it: on this machine, and on machines that lack a part. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { noBfloat16 } from "../../../src/apps/cache/command.ts";
import { examine, type Finding } from "../../../src/apps/doctor/examine.ts";
import { machineChecks, remediesOn } from "../../../src/apps/doctor/machine_checks.ts";
import { widthOf } from "core/show/plain.ts";
import { withFolder } from "../../support.ts";
import { ok, root, withVariables } from "../../core/command/cli.ts";
import { ran, words } from "../../tools.ts";

const cli = fileURLToPath(new URL("../../../src/cli.ts", import.meta.url));

/** Runs `lamina doctor` where the environment differs; what may crash is examined in processes of its own, which inherit it. */
const doctor = (env: Record<string, string>, ...args: string[]) =>
  withVariables(env, () => ok("doctor", ...args));

/** A backend that this system never has: WebGPU's trials, which take seconds where the CPU plays the device, end at once. */
const noWebgpu = { DENO_WEBGPU_BACKEND: Deno.build.os === "darwin" ? "vulkan" : "metal" };

const findingsOf = (stdout: string): Map<string, Finding> =>
  new Map((JSON.parse(stdout).findings as Finding[]).map((finding) => [finding.part, finding]));

/** What a machine without Python, a cache and a hub that is used prints and finds. */
let lacking: ReturnType<typeof examineLacking> | undefined;

const examineLacking = () =>
  withFolder(async (folder) => {
    const file = `${folder}/doctor.json`;
    const hub = {
      HF_ENDPOINT: "https://user:secret@hub.example/",
      HF_TOKEN: "hf_secret",
      HF_HUB_OFFLINE: "1",
    };
    const env = { PATH: "", LAMINA_CACHE: folder, LAMINA_CUDA: folder, ...hub };
    const { out, err } = await doctor(env, "--json", file);
    const json = await Deno.readTextFile(file);
    assert.doesNotMatch(out + err + json, /secret/);
    return { table: out, err, json, findings: findingsOf(json) };
  });

Deno.test("every part has its finding here, a part that lacks has its remedy, and the CPU part works", async () => {
  const { table, err, json, findings } = await (lacking ??= examineLacking());
  assert.deepEqual(table.split("\n").filter((line) => widthOf(line) > 80 && line.trim().includes(" ")), []);
  assert.equal(JSON.parse(json).works, true);
  assert.deepEqual([...findings.keys()], machineChecks.map(({ part }) => part));
  const quick = machineChecks.filter(({ seconds }) => seconds < 60); // need no process of their own
  for (const { part, works, found, remedy } of [...findings.values(), ...await examine(quick)]) {
    assert.notEqual(found, "", part);
    assert.equal(remedy !== undefined, !works, `${part}: ${found}`);
  }
  const cpu =
    /^onnxruntime \d+\.\d+\.\d+ on the CPU: products, dense and in blocks, and attention equal the reference, in int8 too$/;
  assert.match(findings.get("ONNX Runtime")!.found, cpu);
  for (const name of ["WebGPU", "CUDA"]) {
    const { found, works } = findings.get(`${name} engine`)!;
    const equal = /: products, dense and in blocks, and attention equal the reference$/;
    assert.match(found, works ? equal : /^Cannot \S.*\S$/);
    assert.equal(/^every study runs here, on the CPU.*$/m.exec(err)![0].includes(name), works);
  }
  const webgpu = findings.get("WebGPU kernels")!;
  if (webgpu.works) assert.match(webgpu.found, /ran random_normal, .*, equal to the CPU.s$/);
});

Deno.test("the table marks every part, and puts a remedy under each that lacks; the hub is named without secrets", async () => {
  const { table } = await (lacking ??= examineLacking());
  const lines = table.trimEnd().split("\n");
  const parts = lines.filter((line) => /^[✓–] /.test(line));
  assert.equal(parts.length, machineChecks.length);
  const python = lines.findIndex((line) =>
    /^– Python\s+python3, python3-venv, python3-pip not found/.test(line)
  );
  assert.ok(python >= 0, table);
  assert.match(lines[python + 1], /^ +→ apt install python3 python3-venv python3-pip/);
  const hub = / hub https:\/\/hub\.example, not used \(HF_HUB_OFFLINE\); token from HF_TOKEN/;
  assert.match(table.replaceAll(/\s+/g, " "), hub);
});

Deno.test("only Linux is advised to use apt", () => {
  const says = (system: typeof Deno.build.os) => Object.values(remediesOn(system)).join("; ");
  assert.match(
    says("linux"),
    /apt install mesa-vulkan-drivers; apt install python3 python3-venv python3-pip;/,
  );
  for (const system of ["windows", "darwin"] as const) {
    assert.doesNotMatch(says(system), /apt|Vulkan/);
    assert.match(says(system), /install Python from python\.org; .*3\.10/);
  }
});

Deno.test("a machine without Vulkan, cache or a hub's address hears how to get them; a token is never shown", async () => {
  const { findings } = await (lacking ??= examineLacking());
  const onWebgpu = machineChecks.filter(({ part }) => part.startsWith("WebGPU"));
  for (const { remedy } of await withVariables(noWebgpu, () => examine(onWebgpu))) {
    assert.match(remedy ?? "", /mesa-vulkan-drivers/);
  }
  assert.match(findings.get("models")!.found, /^not fetched yet; available: smollm2-135m/);
  assert.match(findings.get("models")!.remedy ?? "", /lamina start/);
  assert.match(findings.get("cache")!.found, /^0 bytes in /);
  const checks = machineChecks.filter(({ part }) => part === "hub");
  const env = { HF_ENDPOINT: "nowhere", HF_TOKEN: "hf_secret" };
  const [hub] = await withVariables(env, () => examine(checks));
  assert.match(hub.remedy ?? "", /HF_ENDPOINT/);
  assert.doesNotMatch(JSON.stringify(hub), /hf_secret/);
});

Deno.test("where ONNX Runtime cannot be loaded, what needs no model runs, and the rest says why it does not", () =>
  withFolder(async (folder) => {
    const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
    const map = `${folder}/imports.json`;
    const broken = { "onnxruntime-node": "data:text/javascript,throw new Error('no such library')" };
    const fromRoot = Object.entries<string>(imports)
      .map(([name, to]) => [name, to.startsWith("./") ? new URL(to, root).href : to]);
    await Deno.writeTextFile(
      map,
      JSON.stringify({ imports: { ...Object.fromEntries(fromRoot), ...broken } }),
    );
    const run = (...args: string[]) => ran(Deno.execPath(), ["run", "-A", "--import-map", map, cli, ...args]);
    assert.equal((await run("models")).code, 0);
    const { code, err } = await run(...words`random-init pythia-160m --layers 1 --no-cache`);
    assert.equal(code, 1);
    assert.match(
      err,
      /ONNX Runtime cannot be loaded \(its package is at data:.*, expected a file\); run lamina doctor/,
    );
  }));

Deno.test("a CPU without products in bfloat16 is named before OpenVINO is installed", () => {
  const flags = (...own: string[]) => `model name : CPU\nflags\t\t: fpu ${own.join(" ")}\n`;
  for (const own of ["amx_bf16", "avx512_bf16"]) assert.equal(noBfloat16(flags("avx2", own)), "");
  assert.equal(noBfloat16(""), "", "not Linux");
  assert.match(
    noBfloat16(flags("avx512f")),
    /^this CPU has neither AMX nor AVX512_BF16: OpenVINO .+ float32/,
  );
});
