/** A tiny model in blocks: a GGUF file of type Q8_0 with a tokenizer of letters, of drawn numbers, as `withTiny` opens one in float32. */
import { openModel } from "../../src/subject/mod.ts";
import { contentOf, ggufBytes, ggufContent, type OutTensor } from "../../src/weights/mod.ts";
import { withFolder } from "../support.ts";
import { type Opened, tinyText, tinyTokenizer } from "./tiny.ts";

const [LAYERS, HIDDEN, SIZE, HEADS, BLOCK] = [3, 32, 64, 4, 32];
/** Its name, and that of its file. */
export const IN_BLOCKS = "tiny.gguf";

/** Opens it while `use` runs. */
export function withBlocks(use: (opened: Opened) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const path = `${folder}/${IN_BLOCKS}`;
    await Deno.writeFile(path, await fileBytes());
    await Deno.writeTextFile(`${folder}/text.txt`, tinyText);
    using model = await openModel(path);
    const sizes = { samples: 4, length: 16, engine: "cpu" } as const;
    await use({
      model,
      folder,
      options: { text: `${folder}/text.txt`, ...sizes, results: `${folder}/results` },
    });
  });
}

async function fileBytes(): Promise<Uint8Array> {
  const { u32, f32, text, texts } = ggufBytes;
  const tokens = Object.keys(tinyTokenizer.model.vocab).map((token) => token.replace(" ", "Ġ"));
  const metadata = [
    ["general.architecture", text("llama")],
    ["llama.block_count", u32(LAYERS)],
    ["llama.context_length", u32(256)],
    ["llama.embedding_length", u32(HIDDEN)],
    ["llama.feed_forward_length", u32(SIZE)],
    ["llama.attention.head_count", u32(HEADS)],
    ["llama.attention.head_count_kv", u32(HEADS)],
    ["llama.attention.layer_norm_rms_epsilon", f32(1e-5)],
    ["llama.rope.freq_base", f32(10000)],
    ["tokenizer.ggml.model", text("gpt2")],
    ["tokenizer.ggml.pre", text("gpt-2")],
    ["tokenizer.ggml.tokens", texts(tokens)],
    ["tokenizer.ggml.merges", texts([])],
    ["tokenizer.ggml.bos_token_id", u32(1)],
    ["tokenizer.ggml.eos_token_id", u32(2)],
  ] as const;
  const layers = Array.from({ length: LAYERS }, (_, l) => [
    ones(`blk.${l}.attn_norm.weight`),
    ...["attn_q", "attn_k", "attn_v", "attn_output"].map((name) =>
      blocks(`blk.${l}.${name}.weight`, HIDDEN, HIDDEN)
    ),
    ones(`blk.${l}.ffn_norm.weight`),
    ...["ffn_gate", "ffn_up"].map((name) => blocks(`blk.${l}.${name}.weight`, SIZE, HIDDEN)),
    blocks(`blk.${l}.ffn_down.weight`, HIDDEN, SIZE),
  ]);
  const content = ggufContent(metadata, [
    blocks("token_embd.weight", tokens.length, HIDDEN),
    ...layers.flat(),
    ones("output_norm.weight"),
    blocks("output.weight", tokens.length, HIDDEN),
  ]);
  const parts = await Array.fromAsync(content.parts());
  return new Uint8Array(await new Blob(parts as Uint8Array<ArrayBuffer>[]).arrayBuffer());
}

/** The weights of a norm. */
function ones(name: string): OutTensor {
  const bytes = new Uint8Array(new Float32Array(HIDDEN).fill(1).buffer);
  return { name, type: "F32", shape: [HIDDEN], ...contentOf(bytes) };
}

/** A matrix in Q8_0: blocks of a scale of 2⁻⁸ in float16 and 32 bytes, which a small generator draws. */
function blocks(name: string, rows: number, columns: number): OutTensor {
  const bytes = new Uint8Array(rows * columns / BLOCK * (2 + BLOCK));
  let state = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0) >>> 0, 7);
  for (let at = 0; at < bytes.length; at++) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    bytes[at] = state >>> 24;
    if (at % (2 + BLOCK) === 1) bytes.set([0x00, 0x1c], at - 1);
  }
  return { name, type: "Q8_0", shape: [rows, columns], ...contentOf(bytes) };
}
