/** What follows a fit: its plan is kept under a name, and commands use it. */
import { join, relative } from "node:path";
import process from "node:process";
import { writeTogether } from "../../disk/mod.ts";
import { plain, shellWord } from "../../entry/mod.ts";
import { cacheKey, fileName, type Fit, resultText } from "../../result/mod.ts";
import { DENO, installed, root } from "../../home/mod.ts";
import { planTensors } from "../../study/mod.ts";
import { near } from "./outlet.ts";

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

/** Commands to type next, for a fit in a file, where it may be worth it. They can be pasted. */
export function nextLines(
  { file: sized, verdict: { worth, speed } }: Fit,
  ref: string,
  file: string,
): string[] {
  const plan = ["--plan", near(file)];
  if (worth === "no") return [];
  if (worth === "cannot tell") return speed ? [commandLine("speed", ref, ...plan)] : [];
  return [
    ...sized ? [commandLine("export", ref, ...plan, "--format", sized.format, "--out", "smaller")] : [],
    commandLine("generate", ref, ...plan, "--prompt", "Once upon a time"),
  ];
}

/** A command as a person types it in this folder, Lamina's own or any other. */
export function commandLine(...words: string[]): string {
  const config = relative(root, process.cwd()).startsWith("..") ? ["--config", join(root, "deno.json")] : [];
  const called = installed ? [] : [...`npx -y deno@${DENO} task`.split(" "), ...config];
  return [...called, "lamina", ...words].map((word) => plain(shellWord(word))).join(" ");
}

/** The same as text, where there are any. */
export function nextText(lines: readonly string[]): { readonly next?: string } {
  return lines.length > 0 ? { next: ["next:", ...lines].join("\n") } : {};
}
