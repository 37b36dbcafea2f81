import { watchedScript } from "./watched.ts";
const [model, samples, length, run="profile", budget="0", decode="0"] = Deno.args;
console.log(JSON.stringify(await watchedScript(new URL("./larger_than_memory.ts", import.meta.url).pathname, ["--run", run, "--model", model, "--samples", samples, "--length", length, "--budget", budget, "--decode", decode])));
Deno.exit();
