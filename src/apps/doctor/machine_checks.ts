/** The parts of a machine that Lamina uses, and how to get each. */
import { formatBytes, sum } from "core/entry/mod.ts";
import { arch, availableParallelism, cpus, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { DENO, displayed, folderOf, JUPYTER_PYTHON as NEEDED } from "core/home/mod.ts";
import {
  cacheEntries,
  cacheFolder,
  endpoint,
  findToken,
  freeBytes,
  isOffline,
  isOlder,
  knownModels,
  missingPackages,
  pythonVersion,
} from "core/hub/mod.ts";
import { runApart } from "core/libraries/mod.ts";
import type { Check } from "./examine.ts";

/** Bytes: a profile of a 135M model over 8 × 2048 tokens has 800 MB resident at its peak, most of it the mapped file. */
const ENOUGH_MEMORY = 1e9;
/** Bytes: what `lamina start` fetches, unpacked. */
const ENOUGH_DISK = 1e9;

const VENV = folderOf("venv");

const { vulkan: VULKAN, python: PYTHON_REMEDY } = remediesOn(Deno.build.os);
const INSTALLED = "optional: bfloat16 on x86 CPUs; run lamina openvino to install it (53 MB)";
const NVIDIA = "optional: needs an NVIDIA GPU with its driver; run lamina cuda";
const CUDA = displayed(folderOf("cuda"));
const NVRTC = `run lamina cuda to install it in ${CUDA}, or set LAMINA_CUDA to a CUDA toolkit's folder`;
const MEMORY = `a 135M model needs ${formatBytes(ENOUGH_MEMORY)}; use fewer and shorter samples`;

/** How to get what a system's own programs install: by apt on Linux only. */
export function remediesOn(system: typeof Deno.build.os): Readonly<Record<"vulkan" | "python", string>> {
  const isLinux = system === "linux";
  const from = isLinux ? "apt install python3 python3-venv python3-pip" : "install Python from python.org";
  const software = isLinux ? "; without a GPU: apt install mesa-vulkan-drivers" : "";
  return {
    vulkan: `install the ${isLinux ? "Vulkan " : ""}driver of the GPU's vendor${software}`,
    python: `${from}; needed for packaged models, and from ${NEEDED.join(".")} on for Jupyter`,
  };
}

const check = (part: string, seconds: number, look: Check["look"], remedy: string, needed = false): Check => (
  { part, needed, remedy, seconds, look }
);

/** A check that calls native code, by its name in native_checks.ts. */
const native = (part: string, name: string, remedy: string, needed = false): Check => {
  const script = new URL("./native_checks.ts", import.meta.url);
  return check(part, 60, (signal) => runApart(script, [name], signal), remedy, needed);
};

/** A check for every part of the machine: required parts, then those that make Lamina faster, then downloads and the cache. */
export const machineChecks: readonly Check[] = [
  check("Deno", 10, deno, `npx -y deno@${DENO} task …`, true),
  check("CPU and memory", 10, cpu, MEMORY, true),
  native(
    "ONNX Runtime",
    "engine-cpu",
    "use 64-bit Linux with glibc, Windows, or macOS on arm64; run `deno cache src/mod.ts` to fetch it again",
    true,
  ),
  native("WebGPU engine", "engine-webgpu", `optional: ${VULKAN}`),
  native("CUDA engine", "engine-cuda", NVIDIA),
  native("OpenVINO engine", "engine-openvino", INSTALLED),
  native("WebGPU kernels", "webgpu", VULKAN),
  native("CUDA kernels", "cuda", NVIDIA),
  native("CUDA compiler", "nvrtc", NVRTC),
  check("Python", 20, python, PYTHON_REMEDY),
  check("Jupyter", 10, jupyter, `run lamina lab to create it in ${displayed(VENV)}`),
  check("models", 20, models, "models are fetched on first use; lamina start fetches one (98 MB)"),
  check("cache", 20, cache, `set LAMINA_CACHE to a writable folder with ${formatBytes(ENOUGH_DISK)} free`),
  check("hub", 10, hub, "set HF_ENDPOINT to an http address, or unset it"),
];

function deno(): Promise<string> {
  const { deno, v8 } = Deno.version;
  const [major, minor] = deno.split(".").map(Number);
  const [wantedMajor, wantedMinor] = DENO.split(".").map(Number);
  if (major !== wantedMajor || minor < wantedMinor) {
    throw new Error(`${deno}, expected ${wantedMajor}.${wantedMinor} or later`);
  }
  return Promise.resolve(`${deno} (V8 ${v8.split("-")[0]}) on ${Deno.build.os} ${arch()}`);
}

function cpu(): Promise<string> {
  const allowed = process.constrainedMemory(); // of the control group; huge where there is no limit
  const limited = allowed > 0 && allowed < totalmem();
  const memory = limited ? allowed : totalmem();
  const usable = `${formatBytes(memory)} of memory${
    limited ? ` (limited here, out of ${formatBytes(totalmem())})` : ""
  }`;
  if (memory < ENOUGH_MEMORY) throw new Error(`${usable}, expected ${formatBytes(ENOUGH_MEMORY)}`);
  const processor = cpus()[0]?.model.trim() || "unknown";
  return Promise.resolve(`${availableParallelism()} of ${cpus().length} cores (${processor}), ${usable}`);
}

async function python(signal: AbortSignal): Promise<string> {
  const missing = await missingPackages(signal);
  if (missing.length > 0) throw new Error(`${missing.join(", ")} not found`);
  const version = await pythonVersion(signal);
  const note = isOlder(version, NEEDED) ? `; Jupyter needs ${NEEDED.join(".")}` : "";
  return `Python ${version} with pip and venv${note}`;
}

async function jupyter(): Promise<string> {
  const packages = await Deno.readTextFile(join(VENV, "packages.txt")).catch(() => null);
  const kernel = await Deno.readTextFile(join(VENV, "share/jupyter/kernels/lamina/kernel.json")).catch(() =>
    null
  );
  if (packages === null || kernel === null) throw new Error(`not in ${displayed(VENV)} yet`);
  const [program] = JSON.parse(kernel).argv;
  await Deno.stat(program).catch(() => {
    throw new Error(`in ${displayed(VENV)}, but the deno named by its kernel is missing`);
  });
  return `${packages.trim().split("\n").join(", ")} and the kernel, in ${displayed(VENV)}`;
}

async function models(): Promise<string> {
  const names = (cached: boolean) =>
    known.filter((model) => model.cached === cached).map(({ alias, size }) =>
      `${alias} (${formatBytes(size)})`
    );
  const known = await knownModels();
  const [here, others] = [names(true), names(false)];
  if (here.length === 0) throw new Error(`not fetched yet; available: ${others.join(", ")}`);
  return `fetched: ${here.join(", ")}${others.length ? `; not fetched: ${others.join(", ")}` : ""}`;
}

async function cache(): Promise<string> {
  const free = await freeBytes();
  const used = sum(await cacheEntries(), ({ bytes }) => bytes);
  const text = `${formatBytes(used)} in ${cacheFolder()}, ${formatBytes(free)} free`;
  if (free < ENOUGH_DISK) throw new Error(text);
  return text;
}

/** Nothing is asked of the hub, and of the token only that it is there. */
function hub(): Promise<string> {
  const { origin } = new URL(endpoint());
  const token = findToken();
  const use = isOffline() ? "not used (HF_HUB_OFFLINE)" : "used only for files that are not in the cache";
  return Promise.resolve(`${origin}, ${use}; ${token ? `token from ${token.from}` : "no token"}`);
}
