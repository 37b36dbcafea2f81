/** Lamina's own version, as results name it. */
import manifest from "../../deno.json" with { type: "json" };

export const VERSION: string = manifest.version;
