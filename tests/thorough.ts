/** Whether whole matrices run: `deno task test:all`. */
export const isThorough = Deno.env.get("LAMINA_TESTS") === "all";
