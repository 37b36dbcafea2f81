/** Ray in its pinned versions, in a virtual environment in data/ray, about 300 MB. Every cluster of a test requires a token. */
import { fileURLToPath } from "node:url";
import { makeEnvironment, pythonOf } from "../../src/hub/mod.ts";
import { isThorough } from "../support.ts";

const folder = fileURLToPath(new URL("../../data/ray", import.meta.url));
const requirements = new URL("../../src/cluster/requirements.txt", import.meta.url);

/** The environment's own Python, after `installRay`. */
export const rayPython = pythonOf(folder);

/** Installs Ray unless it is there. */
export async function installRay(): Promise<void> {
  const text = await Deno.readTextFile(requirements);
  await makeEnvironment({ folder, requirements: text.split("\n").filter((line) => /^\w/.test(line)) });
}

/** Why Ray cannot be tried here, or "". */
export async function whyNoRay(): Promise<string> {
  if (!isThorough) return "deno task test:all";
  if (Deno.build.os !== "linux") return "expected Linux";
  return await installRay().then(() => "", (error: Error) => error.message);
}
