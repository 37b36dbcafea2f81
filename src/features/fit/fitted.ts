/** What follows a fit: its plan is kept under a name, and commands use it. */
import { join } from "node:path";
import { writeTogether } from "core/disk/mod.ts";
import type { DropPlan } from "core/measure/mod.ts";
import { cacheKey, fileName, resultText } from "core/result/mod.ts";
import type { Fit } from "./result.ts";
import { planTensors } from "core/study/plan_file.ts";
import { commandLine, near } from "core/command/outlet.ts";

/** How many modules the answer drops; undefined where nothing may go, or it is one of types. */
export function droppedIn({ answer, tried }: Fit): number | undefined {
  const own = answer === null ? null : tried[answer];
  return own && own.target !== "types" ? own.dropped : undefined;
}

/** Keeps the result with its plan's tensors in the results folder, so that the next command can name it. */
export async function keepFit(fit: Fit, results: string): Promise<string | null> {
  const { provenance: { model }, aim, plan, file: of } = fit;
  if (!plan) return null;
  const file = join(
    results,
    `fit-${fileName(model.name)}-${cacheKey("fit", [aim, plan, of?.format ?? null])}.json`,
  );
  try {
    await writeTogether([...await planTensors(file, plan), [file, resultText(fit, 1)]]);
    return file;
  } catch {
    return null; // a folder that cannot be written was mentioned when the first result could not be kept
  }
}

/** The format to export a plan in: one that drops nothing needs no `deci`, which fewer readers know than the model's own architecture. */
const formatOf = ({ attention, mlp, changes = [] }: DropPlan, format: string): string =>
  format === "gguf-deci" && attention.length + mlp.length === 0 && changes.every(({ to }) => to === "types")
    ? "gguf"
    : format;

/** Commands to type next, for a fit in a file, where it may be worth it. They can be pasted. */
export function nextLines(
  { file: sized, plan: answer, verdict: { worth, speed } }: Fit,
  ref: string,
  file: string,
): string[] {
  const plan = ["--plan", near(file)];
  if (worth === "no") return [];
  if (worth === "cannot tell") return speed ? [commandLine("speed", ref, ...plan)] : [];
  return [
    ...sized && answer
      ? [commandLine("export", ref, ...plan, "--format", formatOf(answer, sized.format), "--out", "smaller")]
      : [],
    commandLine("generate", ref, ...plan, "--prompt", "Once upon a time"),
  ];
}
