/** The doctor on this machine, on machines that lack a part, and among probes that hang, throw and die. */
import assert from "node:assert/strict";
import { fileURLToPath, pathToFileURL } from "node:url";
import { doctorTable } from "../../src/show/mod.ts";
import { runApart } from "../../src/doctor/examine.ts";
import { examine, type Finding, machineProbes, type Probe } from "../../src/doctor/mod.ts";
import { withFolder } from "../support.ts";

const root = new URL("../../", import.meta.url);
const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Runs `lamina doctor` where the environment differs. */
async function doctor(args: string[], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", cli, "doctor", ...args],
    env: { NO_COLOR: "1", LC_ALL: "C.UTF-8", ...env },
  }).output();
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

const findingsOf = (stdout: string): Map<string, Finding> =>
  new Map((JSON.parse(stdout).findings as Finding[]).map((finding) => [finding.part, finding]));

Deno.test("every part has its finding here, a part that lacks has its remedy, and the CPU part works", async () => {
  const { code, stdout, stderr } = await doctor(["--json"]);
  assert.equal(code, 0, stderr);
  assert.equal(JSON.parse(stdout).works, true);
  const findings = findingsOf(stdout);
  assert.deepEqual([...findings.keys()], machineProbes.map(({ part }) => part));
  for (const { part, works, found, remedy } of findings.values()) {
    assert.notEqual(found, "", part);
    assert.equal(remedy !== undefined, !works, `${part}: ${found}`);
  }
  assert.match(
    findings.get("ONNX Runtime")!.found,
    /^onnxruntime \d+\.\d+\.\d+ on the CPU: a graph compiled/,
  );
  const webgpu = findings.get("WebGPU kernels")!;
  if (webgpu.works) assert.match(webgpu.found, /a kernel run, equal to the CPU's to the bit$/);
});

Deno.test("the table marks every part, and puts a remedy under each that lacks", async () => {
  const { code, stdout } = await doctor([], { PATH: "" });
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n");
  const parts = lines.filter((line) => /^[✓–] /.test(line));
  assert.equal(parts.length, machineProbes.length);
  const python = lines.findIndex((line) =>
    /^– Python\s+python3, python3-venv, python3-pip not found/.test(line)
  );
  assert.ok(python >= 0, stdout);
  assert.match(lines[python + 1], /^ +→ apt install python3 python3-venv python3-pip/);
});

Deno.test("a machine without Vulkan, cache or a hub's address hears how to get them; a token is never shown", async () => {
  await withFolder(async (folder) => {
    const { code, stdout, stderr } = await doctor(["--json"], {
      DENO_WEBGPU_BACKEND: Deno.build.os === "darwin" ? "vulkan" : "metal", // one that this system never has
      LAMINA_CACHE: folder,
      LAMINA_CUDA: folder,
      HF_ENDPOINT: "nowhere",
      HF_TOKEN: "hf_secret",
    });
    assert.equal(code, 0, stderr);
    const findings = findingsOf(stdout);
    const remedy = (part: string) => findings.get(part)!.remedy ?? "";
    assert.match(remedy("WebGPU kernels"), /mesa-vulkan-drivers/);
    assert.match(findings.get("models")!.found, /^none here yet, of smollm2-135m/);
    assert.match(remedy("models"), /deno task start/);
    assert.match(findings.get("cache")!.found, /^0 bytes in /);
    assert.match(remedy("hub"), /HF_ENDPOINT/);
    assert.doesNotMatch(stdout + stderr, /hf_secret/);
  });
  const { stdout } = await doctor(["--json"], {
    HF_ENDPOINT: "https://user:secret@hub.example/",
    HF_TOKEN: "hf_secret",
    HF_HUB_OFFLINE: "1",
  });
  assert.equal(
    findingsOf(stdout).get("hub")!.found,
    "https://hub.example, not asked (HF_HUB_OFFLINE); token of HF_TOKEN",
  );
  assert.doesNotMatch(stdout, /secret/);
});

const probe = (part: string, look: Probe["look"], seconds = 10): Probe => ({
  part,
  needed: true,
  remedy: `get ${part}`,
  seconds,
  look,
});

Deno.test("a probe that throws, hangs or whose process dies takes no other with it", async () => {
  await withFolder(async (folder) => {
    const script = async (name: string, code: string) => {
      await Deno.writeTextFile(`${folder}/${name}.ts`, code);
      return pathToFileURL(`${folder}/${name}.ts`);
    };
    const dies = await script("dies", `console.log("lamina, nearly"); Deno.kill(Deno.pid, "SIGABRT");`);
    const fails = await script("fails", `throw new TypeError("out of luck");`);
    const sleeps = await script("sleeps", `setTimeout(() => {}, 60_000);`);
    const findings = await examine([
      probe("good", () => Promise.resolve("here")),
      probe("thrower", () => {
        throw new Error("not here");
      }),
      probe("dead", (signal) => runApart(dies, [], signal)),
      probe("failed", (signal) => runApart(fails, [], signal)),
      probe("asleep", (signal) => runApart(sleeps, [], signal), 1),
      probe("deaf", () => new Promise(() => {}), 0.1),
    ]);
    const found = Object.fromEntries(findings.map((finding) => [finding.part, finding.found]));
    assert.equal(found.good, "here");
    assert.equal(found.thrower, "not here");
    assert.match(found.dead, /^the process ended with SIGABRT/);
    assert.match(found.failed, /^the process ended with code 1: .*TypeError: out of luck$/);
    assert.equal(found.asleep, "no answer for 1 s");
    assert.equal(found.deaf, "no answer for 0.1 s");
    assert.deepEqual(findings.filter(({ works }) => works).map(({ part }) => part), ["good"]);
    assert.equal(findings[1].remedy, "get thrower");
    assert.match(doctorTable(findings, {}), /^\+ good +here\n- thrower +not here\n +> get thrower\n/);
  });
});

Deno.test("a stop ends the examination", async () => {
  const controller = new AbortController();
  const examined = examine([probe("deaf", () => new Promise(() => {}))], controller.signal);
  controller.abort(new Error("Stopped"));
  await assert.rejects(examined, /^Error: Stopped$/);
});

Deno.test("where ONNX Runtime cannot be loaded, what needs no model runs, and the rest says why it does not", async () => {
  await withFolder(async (folder) => {
    const { imports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
    const map = `${folder}/imports.json`;
    const broken = { "onnxruntime-node": "data:text/javascript,throw new Error('no such library')" };
    await Deno.writeTextFile(map, JSON.stringify({ imports: { ...imports, ...broken } }));
    const run = async (...args: string[]) => {
      const all = ["run", "-A", "--import-map", map, cli, ...args];
      const { code, stderr } = await new Deno.Command(Deno.execPath(), { args: all }).output();
      return { code, stderr: text(stderr) };
    };
    assert.equal((await run("models")).code, 0);
    const { code, stderr } = await run("random-init", "pythia-160m", "--layers", "1", "--no-cache");
    assert.equal(code, 1);
    assert.match(stderr, /ONNX Runtime cannot be loaded \(no such library\), see lamina doctor/);
  });
});
