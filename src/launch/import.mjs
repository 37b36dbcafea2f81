// What `import "lamina-lab"` meets. Node has no Deno.dlopen, and Deno runs no TypeScript that it finds below node_modules by name.
import { fileURLToPath } from "node:url";

const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
throw new Error(
  'Cannot import "lamina-lab": it is TypeScript for Deno, expected `import … from "lamina"` ' +
    `in a program run by: npx -y deno@2.9.6 run -A --config=${config} PROGRAM`,
);
