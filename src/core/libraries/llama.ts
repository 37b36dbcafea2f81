/**
 * llama.cpp 0.5.0 (`lamina ggml`), for a process of its own: what it does not expect ends it. Structures are passed by value; their fields
 * lie where `llama.h` of that version has them, which the defaults that the library gives must confirm.
 */
import { dirname } from "node:path";
import { ggmlLibrary } from "./ggml.ts";
import { cString } from "./pointers.ts";

/** Describes a structure of `bytes`: one that is returned, or passed last, may be longer than the fields that we use. */
const structOf = (bytes: number) => ({ struct: Array<"u64">(bytes / 8).fill("u64") });
const PARAMS = structOf(256);
const BATCH_BYTES = 56;

const symbols = {
  llama_backend_init: { parameters: [], result: "void" },
  llama_model_default_params: { parameters: [], result: PARAMS },
  llama_context_default_params: { parameters: [], result: PARAMS },
  llama_model_load_from_file: { parameters: ["buffer", PARAMS], result: "pointer" },
  llama_model_get_vocab: { parameters: ["pointer"], result: "pointer" },
  llama_vocab_n_tokens: { parameters: ["pointer"], result: "i32" },
  llama_init_from_model: { parameters: ["pointer", PARAMS], result: "pointer" },
  llama_get_memory: { parameters: ["pointer"], result: "pointer" },
  llama_memory_clear: { parameters: ["pointer", "bool"], result: "void" },
  llama_decode: { parameters: ["pointer", structOf(BATCH_BYTES)], result: "i32" },
  llama_get_logits: { parameters: ["pointer"], result: "pointer" },
} as const;

/** Where integers of the default parameters lie, and what they are: lengths, threads (4), types of keys and values (1, F16), flags. */
const LAYOUT = {
  llama_model_default_params: { 16: -1, 20: 1, 24: -1, 72: 0x10000 },
  llama_context_default_params: { 0: 512, 4: 2048, 8: 512, 12: 1, 28: 4, 32: 4, 40: -1, 104: 1, 108: 1 },
} as const;

/** The path of llama.cpp. Throws `Error` where it is not installed. */
export function expectLlama(folder?: string): string {
  const path = ggmlLibrary("libllama.v0.5.0.so", folder);
  if (path !== null) return path;
  throw new Error("Cannot run llama.cpp: not installed, expected the libraries that lamina ggml installs");
}

/** Opens llama.cpp with the kernels of this processor, and gives what loads a file. Throws `Error` where it has another layout. */
export function openLlama(threads: number) {
  const path = expectLlama();
  const { symbols: llama } = Deno.dlopen(path, symbols);
  const backends = { ggml_backend_load_all_from_path: { parameters: ["buffer"], result: "void" } } as const;
  const ggml = Deno.dlopen(ggmlLibrary("libggml.v0.5.0.so")!, backends);
  ggml.symbols.ggml_backend_load_all_from_path(cString(dirname(path)));
  llama.llama_backend_init();

  function defaults(name: keyof typeof LAYOUT): DataView<ArrayBuffer> {
    const fields = new DataView(llama[name]().buffer as ArrayBuffer);
    for (const [at, value] of Object.entries(LAYOUT[name])) {
      const found = fields.getInt32(Number(at), true);
      if (found === value) continue;
      throw new Error(`Cannot use ${path}: ${name} has ${found} at byte ${at}, expected ${value}`);
    }
    return fields;
  }

  /** A model; `vocabulary` is its number of words. Throws `Error` where llama.cpp cannot read the file, and has said why in its log. */
  return (file: string) => {
    const params = new Uint8Array(defaults("llama_model_default_params").buffer);
    const model = llama.llama_model_load_from_file(cString(file), params);
    if (model === null) throw new Error(`llama.cpp cannot read ${file}`);
    const vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(model));
    /** Room for one text of at most `length` tokens. */
    const context = (length: number) => {
      const fields = defaults("llama_context_default_params");
      for (const at of [0, 4]) fields.setInt32(at, length, true);
      for (const at of [28, 32]) fields.setInt32(at, threads, true);
      const context = llama.llama_init_from_model(model, new Uint8Array(fields.buffer));
      if (context === null) throw new Error(`llama.cpp has no room for ${length} tokens`);
      return {
        clear: () => llama.llama_memory_clear(llama.llama_get_memory(context), true),
        /** Reads tokens behind those before: the logits of all or of the last one, which the next call writes over. */
        read(ids: readonly number[], all = false): Float32Array {
          const end = BATCH_BYTES + 4 * ids.length;
          const memory = new ArrayBuffer(end + ids.length); // the batch, its ids, and a flag for each
          const address = Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory));
          const [count, at, flags] = [ids.length, BATCH_BYTES, end].map(BigInt);
          new BigUint64Array(memory, 0, 2).set([count, address + at]);
          if (all) new BigUint64Array(memory, 48, 1).set([address + flags]);
          new Int32Array(memory, BATCH_BYTES, ids.length).set(ids);
          new Uint8Array(memory, end).fill(1);
          const code = llama.llama_decode(context, new Uint8Array(memory, 0, BATCH_BYTES));
          if (code !== 0) {
            throw new Error(`llama.cpp read ${ids.length} tokens with code ${code}, expected 0`);
          }
          const logits = new Deno.UnsafePointerView(llama.llama_get_logits(context)!);
          return new Float32Array(logits.getArrayBuffer(4 * vocabulary * (all ? ids.length : 1)));
        },
      };
    };
    return { vocabulary, context };
  };
}
