/** The process that tries a plug-in of the user's: `user_trial.ts plugin:FILE… PRECISION`. */
import { answer } from "../../libraries/mod.ts";
import type { PluginName, Precision } from "../engine.ts";
import { tryPrecision, tryProduct } from "../trial.ts";
import { openUser } from "./user.ts";

const [text, precision] = Deno.args;
await answer(async () => {
  const engine = openUser(text as PluginName, precision as Precision);
  await tryProduct(engine);
  await tryPrecision(engine);
  await engine.close();
  return "";
});
