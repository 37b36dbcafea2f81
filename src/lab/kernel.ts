/**
 * The kernel as it is started from anywhere, `kernel.ts CONNECTION_FILE`: `deno jupyter` looks for an import map in the folder that it
 * is started in, and has no option that names one.
 */
import { fileURLToPath } from "node:url";

if (import.meta.main) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["jupyter", "--quiet", "--kernel", "--conn", Deno.args[0]],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  }).spawn();
  // A stop button is for the kernel, which hears it too where both are of one group.
  for (const name of Deno.build.os === "windows" ? ["SIGINT"] as const : ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(name, () => child.kill(name));
  }
  Deno.exit((await child.status).code);
}
