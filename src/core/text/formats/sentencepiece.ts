/**
 * The tokenizer of a folder that has a SentencePiece model (`tokenizer.model`) and no `tokenizer.json`: Llama 1 and 2, Mistral and
 * Gemma as they were published. Ids are SentencePiece's own; tokens that are not text are recognised where they are spelt out, as in
 * Hugging Face's conversion of the same file.
 */
import { piecesDefinition } from "./pieces.ts";
import { readSentencePiece, type SentencePieceModel } from "./sentencepiece_model.ts";
import { buildTokenizer, type Tokenizer } from "../tokenizer/tokenizer.ts";
import { isRecord, refusal } from "../../entry/mod.ts";

/**
 * The tokenizer of a model file; the parsed `tokenizer_config.json` may say whether texts begin with BOS. Throws `SyntaxError` for bytes
 * that are no model, `TypeError` for one of another kind, `RangeError` for too many tokens.
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

/**
 * Replaces in a text by SentencePiece's table for characters ("nmt_nfkc" and others): a double-array trie over UTF-8 bytes, then the texts
 * that its leaves point to. The longest match at a place is replaced. Source: `normalizer.cc` of SentencePiece, and Darts-clone. Throws
 * `SyntaxError` for other bytes.
 */
function charsmap(table: Uint8Array<ArrayBuffer>): (text: string) => string {
  if (table.length === 0) return (text) => text;
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  const bytes = table.length < 4 ? NaN : view.getUint32(0, true);
  if (!(bytes % 4 === 0 && bytes <= table.length - 4)) {
    const why = "its table of characters is broken, expected a trie and texts";
    throw refusal(SyntaxError, "read tokenizer.model", why);
  }
  const trie = Uint32Array.from({ length: bytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = table.subarray(4 + bytes);
  const decoder = new TextDecoder();

  /** The longest match of the text's bytes from `at`: its length, and the place of its replacement. */
  function longest(source: Uint8Array, at: number): { length: number; place: number } | null {
    let found: { length: number; place: number } | null = null;
    let node = offset(trie[0] ?? 0);
    for (let i = at; i < source.length; i++) {
      node ^= source[i];
      const unit = trie[node] ?? 0;
      if ((unit & 0x800000ff) >>> 0 !== source[i]) break;
      node ^= offset(unit);
      if (unit >>> 8 & 1) found = { length: i + 1 - at, place: (trie[node] ?? 0) & 0x7fffffff };
    }
    return found;
  }
  return (text) => {
    const source = new TextEncoder().encode(text);
    const parts: string[] = [];
    let from = 0;
    for (let at = 0; at < source.length;) {
      const match = longest(source, at);
      if (!match) {
        at += widthOf(source[at]);
        continue;
      }
      const end = texts.indexOf(0, match.place);
      parts.push(
        decoder.decode(source.subarray(from, at)),
        decoder.decode(texts.subarray(match.place, end < 0 ? undefined : end)),
      );
      from = at += match.length;
    }
    return parts.join("") + decoder.decode(source.subarray(from));
  };
}

/** The distance to a unit's children. */
const offset = (unit: number) => unit >>> 10 << ((unit & 512) >>> 6);

/** Bytes of the character that begins with this byte. */
const widthOf = (byte: number) => byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
