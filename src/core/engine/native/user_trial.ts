/** The process that tries a plug-in of the user's: `user_trial.ts plugin:FILE… PRECISION`. */
import { answer } from "../../libraries/mod.ts";
import type { PluginName, Precision } from "../engine.ts";
import { tryPrecision, tryProduct } from "../trial.ts";
import { openUser } from "./user.ts";

if (import.meta.main) {
  await answer(async () => {
    const engine = openUser(Deno.args[0] as PluginName, Deno.args[1] as Precision);
    await tryProduct(engine);
    await tryPrecision(engine);
    await engine.close();
    return "";
  });
}
