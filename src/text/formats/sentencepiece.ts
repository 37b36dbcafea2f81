/**
 * The tokenizer of a folder that has a SentencePiece model (`tokenizer.model`) and no `tokenizer.json`: Llama 1 and 2, Mistral and
 * Gemma as they were published. Ids are SentencePiece's own; tokens that are not text are recognised where they are spelt out, as in
 * Hugging Face's conversion of the same file.
 */
import { charsmap } from "./charsmap.ts";
import { piecesDefinition } from "./pieces.ts";
import { readSentencePiece, type SentencePieceModel } from "./sentencepiece_model.ts";
import { buildTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { isRecord } from "../../entry/mod.ts";

/**
 * @param bytes the model file
 * @param tokenizerConfig the parsed `tokenizer_config.json`, which may say whether texts begin with BOS
 * @throws SyntaxError for bytes that are no model, TypeError for one of another kind, RangeError for too many tokens
 */
export function tokenizerFromSentencePiece(
  bytes: Uint8Array<ArrayBuffer>,
  tokenizerConfig: unknown,
): Tokenizer {
  const model = readSentencePiece(bytes);
  const addsBos = isRecord(tokenizerConfig) ? tokenizerConfig.add_bos_token : undefined;
  const inner = buildTokenizer(
    piecesDefinition(model),
    () => model.bos,
    () => model.eos,
    typeof addsBos === "boolean" ? addsBos : model.bos !== null,
  );
  return model.charsmap.length > 0 || model.trims ? normalising(inner, model) : inner;
}

/** With the text put in order first. Where characters change, no place is sure to cut a text at. */
function normalising(inner: Tokenizer, model: SentencePieceModel): Tokenizer {
  const change = charsmap(model.charsmap);
  const trimmed = (text: string, continued: boolean) => {
    const once = text.replace(/ {2,}/g, " ").replace(/ $/, "");
    return continued ? once : once.replace(/^ /, "");
  };
  return Object.create(inner, {
    encode: {
      value: (text: string, continued = false) => {
        const changed = change(text);
        return inner.encode(model.trims ? trimmed(changed, continued) : changed, continued);
      },
    },
    ...model.charsmap.length > 0 ? { lastCut: { value: () => 0 } } : {},
  });
}
