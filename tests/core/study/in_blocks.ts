/** A tiny model in blocks: a GGUF file with a tokenizer of letters, of drawn numbers, as `withTiny` opens one in float32. */
import { openModel } from "core/subject/mod.ts";
import { blockTypes } from "core/weights/blocks/types.ts";
import { contentOf, ggufBytes, ggufContent, type OutTensor } from "core/weights/mod.ts";
import { withFolder } from "../../support.ts";
import { type Opened, tinyText, tinyTokenizer } from "./tiny.ts";

const [LAYERS, HEADS] = [3, 4];
/** Its name, and that of its file. */
export const IN_BLOCKS = "tiny.gguf";

/** How it is stored: its width, and the type of each matrix by its name in the file. */
type Form = { readonly hidden: number; typeOf(name: string): string };

/** Opens it while `use` runs; by default all of it is in Q8_0. */
export function withBlocks(
  use: (opened: Opened) => Promise<void> | void,
  form: Form = { hidden: 32, typeOf: () => "Q8_0" },
): Promise<void> {
  return withFolder(async (folder) => {
    const path = `${folder}/${IN_BLOCKS}`;
    await Deno.writeFile(path, await fileBytes(form));
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

async function fileBytes({ hidden: HIDDEN, typeOf }: Form): Promise<Uint8Array> {
  const SIZE = 2 * HIDDEN;
  const blocks = (name: string, rows: number, columns: number) => drawn(name, typeOf(name), rows, columns);
  const ones = (name: string) => normOf(name, HIDDEN);
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
function normOf(name: string, size: number): OutTensor {
  const bytes = new Uint8Array(new Float32Array(size).fill(1).buffer);
  return { name, type: "F32", shape: [size], ...contentOf(bytes) };
}

/**
 * A matrix whose bytes a small generator draws. In Q8_0 blocks have a scale of 2⁻⁸; in other types bytes are so small that no float16
 * of them is above 2.
 */
function drawn(name: string, type: string, rows: number, columns: number): OutTensor {
  const { blockElements, blockBytes } = blockTypes[type];
  const bytes = new Uint8Array(rows * columns / blockElements * blockBytes);
  let state = [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0) >>> 0, 7);
  for (let at = 0; at < bytes.length; at++) {
    state = Math.imul(state, 1664525) + 1013904223 >>> 0;
    bytes[at] = type === "Q8_0" ? state >>> 24 : state >>> 24 & 0x3f;
    if (type === "Q8_0" && at % blockBytes === 1) bytes.set([0x00, 0x1c], at - 1);
  }
  return { name, type, shape: [rows, columns], ...contentOf(bytes) };
}
