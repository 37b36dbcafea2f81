/** What this machine has and gets: `lamina doctor`, `lamina cuda`, `lamina openvino`, `lamina ggml`, `lamina lab`. */
import { type Command, Option } from "commander";
import { isFile } from "../../disk/mod.ts";
import { flag, option } from "../../entry/mod.ts";
import { examine, machineChecks } from "../../doctor/mod.ts";
import { displayed, folderOf } from "../../home/mod.ts";
import { cudaWheels, ggmlPackages, installWheels, openvinoWheels, type Pinned } from "../../hub/mod.ts";
import { execute, install, openLab, register } from "../../lab/mod.ts";
import { cudaFolder, ggmlFolder, openvinoFolder } from "../../libraries/mod.ts";
import { head } from "../../result/mod.ts";
import { type Context, reportsTo } from "../shared/context.ts";
import { declared } from "../shared/declare.ts";
import { jsonOption, writes } from "../shared/destination.ts";
import type { Flags } from "../shared/options.ts";
import { deliver, doneText, outputOf } from "../shared/outlet.ts";

export const doctorCommand = (context: Context): Command =>
  declared({
    name: "doctor",
    says: "test what this machine can run, and how to install the rest",
    options: jsonOption(),
    example: "doctor",
  }, async (flags: Flags) => {
    const findings = await examine(machineChecks, context.signal);
    const broken = findings.filter(({ needed, works }) => needed && !works).map(({ part }) => part);
    const result = { ...head("doctor"), works: broken.length === 0, findings };
    await deliver(context, flags, outputOf(context, result));
    if (broken.length > 0) throw new Error(`Cannot run a study here: ${broken.join(", ")} (see above)`);
    const engines = ["WebGPU", "CUDA", "OpenVINO"].filter((name) =>
      findings.some(({ part, works }) => works && part === `${name} engine`)
    );
    context.notice(`every study runs here, on ${["the CPU", ...engines].join(", ")}`);
  });

/** What to know before OpenVINO is fetched: whether the CPU lacks bfloat16, by Linux's description of it. */
export function noBfloat16(cpu: string): string {
  return /^flags\b/m.test(cpu) && !/\b(amx|avx512)_bf16\b/.test(cpu)
    ? "this CPU has neither AMX nor AVX512_BF16: OpenVINO computes in float32 here, and refuses bfloat16"
    : "";
}

/** A command that installs libraries. `lacks` says beforehand what they cannot do on this CPU. */
const installing =
  (name: string, what: string, wheels: readonly Pinned[], folder: string, lacks?: (cpu: string) => string) =>
  (context: Context): Command =>
    declared({
      name,
      says: `install ${what}, into ${displayed(folder)} (Linux x64)`,
      example: name,
    }, async () => {
      const lacking = lacks?.(await Deno.readTextFile("/proc/cpuinfo").catch(() => ""));
      if (lacking) context.notice(lacking);
      await installWheels(wheels, folder, reportsTo(context));
      context.notice(doneText(context, name, {}));
    });

export const cudaCommand = installing(
  "cuda",
  "the libraries that CUDA needs besides NVIDIA's driver",
  cudaWheels,
  cudaFolder,
);
export const openvinoCommand = installing(
  "openvino",
  "OpenVINO's plug-in for ONNX Runtime, which uses the matrix units of Intel CPUs",
  openvinoWheels,
  openvinoFolder,
  noBfloat16,
);
export const ggmlCommand = installing(
  "ggml",
  "llama.cpp's libraries, which round weights to all types of blocks and run GGUF files",
  ggmlPackages,
  ggmlFolder,
);

interface LabFlags {
  readonly browser: boolean;
  readonly installOnly?: boolean;
  readonly register?: boolean;
  readonly execute?: readonly string[];
  readonly outputDir?: string;
}

export const labCommand = (context: Context): Command =>
  declared({
    name: "lab",
    says: `open the notebooks in JupyterLab, from a virtual environment in ${displayed(folderOf("venv"))}`,
    options: {
      browser: option(flag, "print the address instead of opening a browser", true),
      installOnly: option(flag, "install the virtual environment and exit"),
      register: option(flag, "register the kernel with your own Jupyter and VS Code, and exit"),
      execute: new Option(
        "--execute <notebooks...>",
        "execute these notebooks without JupyterLab and save their outputs in place",
      ),
      outputDir: writes(
        "folder",
        new Option("--output-dir <folder>", "save the executed notebooks in this folder instead"),
      ),
    },
    relations: {
      browser: { excludes: ["installOnly", "register", "execute"] },
      installOnly: { excludes: ["register", "execute"] },
      register: { excludes: ["execute"] },
      outputDir: { needs: "execute" },
    },
    example: "lab --register",
  }, async (flags: LabFlags) => {
    if (flags.register) {
      return context.print(`the kernel "Lamina (Deno)" is described in ${await register()}`);
    }
    for (const path of flags.execute ?? []) { // before anything is installed for it
      if (!await isFile(path)) throw new Error(`Cannot execute ${path}: no such notebook`);
    }
    await install(context.notice);
    if (flags.execute) await execute(flags.execute, { folder: flags.outputDir, ...reportsTo(context) });
    else if (!flags.installOnly) await openLab(flags);
  });
