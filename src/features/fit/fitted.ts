/** What follows a fit: its plan is kept under a name, and commands use it. */
import { join } from "node:path";
import { writeTogether } from "core/disk/mod.ts";
import { cacheKey, fileName, resultText } from "core/result/mod.ts";
import type { Fit } from "./result.ts";
import { planTensors } from "core/study/plan_file.ts";
import { commandLine, near } from "core/command/outlet.ts";

/** How many modules the answer drops; undefined where none is. */
export function droppedIn({ plan }: Fit): number | undefined {
  return plan && plan.attention.length + plan.mlp.length || undefined;
}

/** The name of a fit in the results folder. */
export const keptName = ({ provenance: { model }, aims, plan, file }: Fit): string =>
  `fit-${fileName(model.name)}-${cacheKey("fit", [aims, plan, file?.format ?? null])}.json`;

/**
 * Keeps the result with its plan's tensors in a folder, so that the next command can name it; null without a
 * plan, and where the folder cannot be written.
 */
export async function keepFit(fit: Fit, folder: string, name = "fit.json"): Promise<string | null> {
  const { plan } = fit;
  if (!plan) return null;
  const file = join(folder, name);
  try {
    await writeTogether([...await planTensors(file, plan), [file, resultText(fit, 1)]]);
    return file;
  } catch {
    return null; // a folder that cannot be written was mentioned when the first result could not be kept
  }
}

/** Commands to type next, for a fit in a file. They can be pasted. */
export function nextLines({ file: sized, plan: own }: Fit, ref: string, file: string): string[] {
  if (!own) return [];
  const plan = ["--plan", near(file)];
  return [
    ...sized ? [commandLine("export", ref, ...plan, "--format", sized.format, "--out", "smaller")] : [],
    commandLine("generate", ref, ...plan, "--prompt", "Once upon a time"),
  ];
}
