/** What this machine has and gets: `lamina doctor`, `lamina cuda`, `lamina openvino`, `lamina ggml`, `lamina lab`. */
import type { Command } from "commander";
import { examine } from "./examine.ts";
import { machineChecks } from "./machine_checks.ts";
import { doctorKind, head } from "core/result/mod.ts";
import type { Context } from "core/command/context.ts";
import { declared } from "core/command/declare.ts";
import { jsonOption } from "core/command/destination.ts";
import type { Flags } from "core/command/options.ts";
import { deliver, outputOf } from "core/command/outlet.ts";

export const doctorCommand = (context: Context): Command =>
  declared({
    name: "doctor",
    says: "test what this machine can run, and how to install the rest",
    options: jsonOption(),
    example: "doctor",
  }, async (flags: Flags) => {
    const findings = await examine(machineChecks, context.signal);
    const broken = findings.filter(({ needed, works }) => needed && !works).map(({ part }) => part);
    const result = { ...head(doctorKind), works: broken.length === 0, findings };
    await deliver(context, flags, outputOf(context, result));
    if (broken.length > 0) throw new Error(`Cannot run a study here: ${broken.join(", ")} (see above)`);
    const engines = ["WebGPU", "CUDA", "OpenVINO"].filter((name) =>
      findings.some(({ part, works }) => works && part === `${name} engine`)
    );
    context.notice(`every study runs here, on ${["the CPU", ...engines].join(", ")}`);
  });
