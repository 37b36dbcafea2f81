/** What follows a fit: its plan is kept under a name, and commands use it. */
import { join } from "node:path";
import { writeTogether } from "../../disk/mod.ts";
import { plain, shellWord } from "../../entry/mod.ts";
import { cacheKey, fileName, type Fit, resultText } from "../../result/mod.ts";
import { planTensors } from "../../study/mod.ts";
import { near } from "./outlet.ts";

/** Keeps the result with its plan's tensors in the results folder, so that the next command can name it. */
export async function keepFit(fit: Fit, results: string): Promise<string | null> {
  const { provenance: { model }, aim, plan } = fit;
  if (!plan) return null;
  const file = join(results, `fit-${fileName(model.name)}-${cacheKey("fit", [aim, plan])}.json`);
  try {
    await writeTogether([...await planTensors(file, plan), [file, resultText(fit, 1)]]);
    return file;
  } catch {
    return null; // a folder that cannot be written was mentioned when the first result could not be kept
  }
}

/** Commands to type next, for a fit in a file. */
export function nextLines({ provenance }: Fit, ref: string, file: string): string[] {
  const [model, plan] = [ref, near(file)].map((word) => plain(shellWord(word)));
  const format = provenance.model.format.startsWith("GGUF") ? "gguf-deci" : "hf";
  return [
    `lamina export ${model} --plan ${plan} --format ${format} --out smaller`,
    `lamina generate ${model} --plan ${plan} --prompt "Once upon a time"`,
  ];
}

/** The same as text. */
export function nextText(...[fit, ref, file]: Parameters<typeof nextLines>): string {
  return ["next:", ...nextLines(fit, ref, file)].join("\n");
}
