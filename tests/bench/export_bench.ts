/**
 * Peak anonymous memory of exports of a large checkpoint, in every format: `deno run -A tests/bench/export_bench.ts [GB] [DIR]`.
 *
 * The checkpoint (8 GB unless said) has true headers and a hole where the weights are; what is exported is written in full, one
 * format after the other, and removed. RssAnon of the process is sampled every 5 ms; the target is 300 MB. Linux only.
 */
import { fileURLToPath } from "node:url";
import { type Sizes, sparseFolder, sparseGguf } from "../export/sparse.ts";
import { memoryOf } from "./shared.ts";

const gigabytes = Number(Deno.args[0] ?? 8);
const root = await Deno.makeTempDir({ dir: Deno.args[1] ?? "." });
const cli = fileURLToPath(new URL("../../src/cli.ts", import.meta.url));

/** Llama-2-7B's layers, as many as make the bytes. */
function sizesOf(bytes: number, elementBytes: number): Sizes {
  const [hidden, feedForward, vocabulary] = [4096, 11008, 32000];
  const layer = 4 * hidden * hidden + 3 * hidden * feedForward;
  const layers = Math.round((bytes / elementBytes - 2 * vocabulary * hidden) / layer);
  return { hidden, feedForward, heads: 32, layers, vocabulary };
}

async function peak(model: string, format: string): Promise<string> {
  const drop = format === "gguf" ? ["--drop-block", "3,5"] : ["--drop-attention", "3,5", "--drop-mlp", "5"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", "--v8-flags=--max-semi-space-size=2", cli, "export", model]
      .concat(drop, "--format", format, "--out", `${root}/out`),
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const ended = new Response(child.stderr).text().then(async (errors) => ({ ...await child.status, errors }));
  let most = 0;
  const sampler = setInterval(() => most = Math.max(most, memoryOf("RssAnon", child.pid) || 0), 5);
  const begin = performance.now();
  const { success, errors } = await ended;
  clearInterval(sampler);
  await Deno.remove(`${root}/out`, { recursive: true }).catch(() => {});
  if (!success) return `failed: ${errors.trim().split("\n").at(-1)}`;
  const seconds = (performance.now() - begin) / 1000;
  return `${(most / 1e6).toFixed(0)} MB anonymous${most > 300e6 ? " (above 300)" : ""}, ${
    seconds.toFixed(0)
  } s`;
}

try {
  const bytes = 1e9 * gigabytes;
  const folder = await sparseFolder(`${root}/folder`, sizesOf(bytes, 2));
  const gguf = await sparseGguf(`${root}/q8_0.gguf`, sizesOf(bytes, 34 / 32));
  const small = await sparseGguf(`${root}/small.gguf`, sizesOf(bytes / 4, 34 / 32)); // F32 is four times as large
  const rows: [string, string, number, string[]][] = [
    ["BF16 folder", "folder", folder, ["llm-drop", "hf", "gguf", "gguf-deci"]],
    ["Q8_0 file", "q8_0.gguf", gguf, ["gguf", "gguf-deci"]],
    ["Q8_0 file", "small.gguf", small, ["hf"]],
  ];
  for (const [what, name, size, formats] of rows) {
    for (const format of formats) {
      const found = await peak(`${root}/${name}`, format);
      console.log(`${what} of ${(size / 1e9).toFixed(1)} GB as ${format}: ${found}`);
    }
  }
} finally {
  await Deno.remove(root, { recursive: true });
}
