/**
 * Texts that a model draws through `generate`, for draws_bench.py to hold against the model's exact distribution:
 *
 *     deno run -A tests/bench/draws_bench.ts OUT [--draws 20000] [--temperature 0.25] [--top-p 1] [--from 0]
 *     python tests/bench/draws_bench.py OUT
 *
 * The model is the llama fixture with a tokenizer of 30 words, so that all texts of a few tokens can be listed. One seed a draw. OUT becomes a
 * folder with the draws and the model that drew them.
 */
import { createHash } from "node:crypto";
import { type Engine, type Feeds, openEngine, type Program } from "core/engine/mod.ts";
import type { Graph } from "core/onnx/mod.ts";
import { generate } from "features/generate/mod.ts";
import { withTiny } from "../core/study/tiny.ts";
import { readArguments } from "./shared.ts";

const { names: [out], draws, temperature, "top-p": topP, from } = readArguments(
  { draws: 20_000, temperature: 0.25, "top-p": 1, from: 0 },
);
const PROMPT = "the quick";
const TOKENS = 5;
await withTiny(async ({ model, folder }) => {
  await Deno.mkdir(out, { recursive: true });
  for (const { name } of Deno.readDirSync(folder)) {
    if (/^(?:config\.json$|model)/.test(name)) await Deno.copyFile(`${folder}/${name}`, `${out}/${name}`);
  }
  const engine = keepingPrograms(await openEngine({ engine: "cpu" }));
  const tokenizer = await model.tokenizer();
  const alone: number[][] = [];
  for (let seed = from; seed < from + draws; seed++) {
    const options = { engine, tokens: TOKENS, temperature, topP, seed };
    const [{ ids, ended }] = await generate(model, [{}], PROMPT, options);
    alone.push(ended === "eos" ? [...ids, tokenizer.eos ?? 2] : [...ids]);
    if (alone.length % 1000 === 0) console.error(`${alone.length} of ${draws} texts`);
  }
  const prompt = [...tokenizer.encode(PROMPT)];
  const words = tokenizer.vocabularySize;
  await Deno.writeTextFile(
    `${out}/draws.json`,
    JSON.stringify({ prompt, words, tokens: TOKENS, temperature, topP, texts: { alone } }),
  );
});

/** The engine, which compiles each program once: that takes most of the time of a short text. */
function keepingPrograms(engine: Engine): Engine {
  const programs = new Map<string, Promise<Program>>();
  async function keyOf(graph: Graph, constants: Feeds): Promise<string> {
    const hash = createHash("sha256").update(graph.toBytes());
    for (const [name, held] of Object.entries(constants)) {
      const { data } = await engine.read(held);
      hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
    return hash.digest("hex");
  }
  return {
    ...engine,
    has: { ...engine.has }, // memory is looked up once
    get live() {
      return engine.live;
    },
    async compile(graph, constants = {}) {
      const key = await keyOf(graph, constants);
      const program = programs.get(key) ?? engine.compile(graph, constants);
      programs.set(key, program);
      return { run: (await program).run, release: () => Promise.resolve() };
    },
  };
}
