/**
 * SentencePiece's table of replacements for characters ("nmt_nfkc" and others): a double-array trie over UTF-8 bytes, then the texts
 * that its leaves point to. The longest match at a place is replaced. Source: `normalizer.cc` of SentencePiece, and Darts-clone.
 */

/** Replaces in a text. Throws `SyntaxError` for other bytes. */
export function charsmap(table: Uint8Array<ArrayBuffer>): (text: string) => string {
  if (table.length === 0) return (text) => text;
  const view = new DataView(table.buffer, table.byteOffset, table.length);
  const bytes = table.length < 4 ? NaN : view.getUint32(0, true);
  if (!(bytes % 4 === 0 && bytes <= table.length - 4)) {
    throw new SyntaxError(
      "Cannot read tokenizer.model: its table of characters is broken, expected a trie and texts",
    );
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
