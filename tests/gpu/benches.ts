/** The benches of tests/bench on the engine, beside PyTorch on the same card. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Engine } from "core/engine/mod.ts";
import { type Row, rowsOf } from "./report.ts";
import { words } from "../tools.ts";

/** How much is timed, and where Python is. */
export interface BenchOptions {
  /** A .gguf file or a folder in Hugging Face layout. */
  readonly path: string;
  readonly samples: number;
  readonly length: number;
  readonly steps: number;
  readonly contexts: readonly number[];
  readonly rounds: number;
  /** With PyTorch on the device; null leaves it out. */
  readonly python: string | null;
}

/** Whether a Python has PyTorch for an engine's device, or why not. */
export function torchLacks(python: string, { name }: Engine): string | null {
  if (name === "webgpu") return "PyTorch has no WebGPU";
  const needs = name === "cuda" ? "assert torch.cuda.is_available(), 'torch finds no CUDA device'" : "";
  try {
    const code = `import torch, transformers, gguf\n${needs}`;
    execFileSync(python, ["-c", code], { encoding: "utf-8", stdio: "pipe" });
    return null;
  } catch (error) {
    const said = (error as { stderr?: string }).stderr || (error as Error).message;
    return said.trim().split("\n").at(-1)!.trim();
  }
}

/** Seconds of a profile, and tokens a second of decoding. */
export async function benchRows(engine: Engine, options: BenchOptions): Promise<Row[]> {
  const { path, samples, length, steps, contexts, rounds } = options;
  const row = rowsOf("benches", engine.precision);
  const sizes = ["--samples", `${samples}`, "--length", `${length}`];
  const profile = await bench("profile_bench.ts", engine, options, [path, ...sizes, "--rounds", `${rounds}`]);
  const decoding = words`${path} --steps ${steps} --contexts ${contexts.join()} --rounds ${rounds}`;
  const decode = await bench("decode_bench.ts", engine, options, decoding);
  return [
    row(`profile, ${samples} × ${length}`, profile.ours, "s", null, profile.theirs),
    row("profile, of the product peak", profile.peakShare, "share"),
    ...decode.map(({ context, ours, theirs }: { context: number; ours: number; theirs: number | null }) =>
      row(`decoding after ${context}`, ours, "tokens/s", null, theirs)
    ),
  ];
}

// deno-lint-ignore no-explicit-any
async function bench(script: string, engine: Engine, { python }: BenchOptions, args: string[]): Promise<any> {
  const json = await Deno.makeTempFile({ suffix: ".json" });
  const device = engine.name === "cuda" ? "cuda" : "cpu";
  const where = ["--engine", engine.name, "--precision", engine.precision, "--device", device];
  const file = fileURLToPath(new URL(`../bench/${script}`, import.meta.url));
  const all = ["run", "-A", "--quiet", file, ...args, ...where, "--json", json];
  try {
    if (python) all.push("--python", python);
    execFileSync(Deno.execPath(), all, { stdio: ["ignore", "pipe", "inherit"] });
    return JSON.parse(await Deno.readTextFile(json));
  } finally {
    await Deno.remove(json);
  }
}
