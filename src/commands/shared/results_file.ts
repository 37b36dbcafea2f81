/** Files of results of one plan, for the model card: one result, or the list that `lamina evaluate` writes of several plans. */
import { readFile } from "node:fs/promises";
import { failing, parseJson } from "../../entry/mod.ts";
import { type DropPlan, planHash } from "../../measure/mod.ts";
import { type Evaluation, parseResult, type Speed } from "../../result/mod.ts";

/** The results in a file; of a list, those of the plan if there are some. Throws `Error` that names the file. */
export async function resultsOfPlan(path: string, plan: DropPlan): Promise<(Evaluation | Speed)[]> {
  const text = await readFile(path, "utf-8").catch(failing(`Cannot read ${path}`));
  if (!text.trimStart().startsWith("[")) return [parseResult(path, text, "evaluate", "speed")];
  const results = (parseJson(text, path) as unknown[]).map((one) =>
    parseResult(path, JSON.stringify(one), "evaluate")
  );
  const own = results.filter(({ provenance }) => planHash(provenance.drop) === planHash(plan));
  return own.length > 0 ? own : results;
}
