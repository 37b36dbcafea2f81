/** The file of a SentencePiece model, `tokenizer.model`. Source: `sentencepiece_model.proto`, whose numbers of fields stand here. */
import { refusal } from "../../entry/mod.ts";
import * as Wire from "@bufbuild/protobuf/wire";
import type { Pieces } from "./pieces.ts";
import { MAX_VOCABULARY } from "../tokenizer/definition.ts";

/** The content of the file. */
export interface SentencePieceModel extends Pieces {
  /** Ids that begin and end a text; null for none. */
  readonly bos: number | null;
  readonly eos: number | null;
  /** Whether a text has its spaces put in order. */
  readonly trims: boolean;
  /** What characters become (sentencepiece.ts); empty for what they are. */
  readonly charsmap: Uint8Array<ArrayBuffer>;
}

const KINDS = ["", "unigram", "bpe", "word", "char"];

/** Reads the bytes of a model. Throws `SyntaxError`, `TypeError` or `RangeError` for a file that is not a model, or one of another kind. */
export function readSentencePiece(bytes: Uint8Array<ArrayBuffer>): SentencePieceModel {
  const pieces: Piece[] = [];
  let [trainer, normalizer]: [Numbers, Numbers] = [new Map(), new Map()];
  try {
    for (const { number, value } of fieldsOf(bytes)) {
      if (number === 1) pieces.push(pieceOf(expectBytes(value)));
      if (number === 2) trainer = numbersOf(expectBytes(value));
      if (number === 3) normalizer = numbersOf(expectBytes(value));
      if (pieces.length > MAX_VOCABULARY) {
        throw new RangeError(`it has too many tokens, expected at most ${MAX_VOCABULARY}`);
      }
    }
    return checked(pieces, trainer, normalizer);
  } catch (error) {
    const Kind = [RangeError, TypeError].find((Kind) => error instanceof Kind) ?? SyntaxError;
    throw refusal(Kind, "read tokenizer.model", (error as Error).message, { cause: error });
  }
}

type Piece = { readonly token: string; readonly score: number; readonly type: number };

type Numbers = ReadonlyMap<number, Field["value"]>;

function checked(pieces: readonly Piece[], trainer: Numbers, normalizer: Numbers): SentencePieceModel {
  if (pieces.length === 0) throw new SyntaxError("it has no tokens, expected a SentencePiece model");
  const kind = KINDS[numberIn(trainer, 3, 1)];
  if (kind !== "unigram" && kind !== "bpe") {
    throw new TypeError(`its model type is ${kind || "unknown"}, expected unigram or bpe`);
  }
  if (numberIn(trainer, 24, 0)) {
    throw new TypeError(
      "its spaces are at the end of words (treat_whitespace_as_suffix), expected at the beginning",
    );
  }
  if (!numberIn(normalizer, 5, 1)) {
    throw new TypeError("its spaces are not escaped, expected escape_whitespaces");
  }
  const unknown = pieces.findIndex(({ type }) => type === 2);
  if (unknown < 0) throw new TypeError("it has no token for unknown text, expected one");
  const id = (field: number, usual: number) => {
    const value = numberIn(trainer, field, usual);
    return value < pieces.length ? value : null; // -1, as an unsigned number, is none
  };
  const charsmap = normalizer.get(2) ?? new Uint8Array();
  return {
    kind,
    tokens: pieces.map(({ token }) => token),
    scores: pieces.map(({ score }) => score),
    types: pieces.map(({ type }) => type),
    byteFallback: numberIn(trainer, 35, 0) !== 0,
    unknown,
    bos: id(41, 1),
    eos: id(42, 2),
    prefix: numberIn(normalizer, 3, 1) !== 0,
    trims: numberIn(normalizer, 4, 1) !== 0,
    charsmap: expectBytes(charsmap),
  };
}

function pieceOf(message: Uint8Array<ArrayBuffer>): Piece {
  const fields = numbersOf(message);
  let token: string;
  try {
    token = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      expectBytes(fields.get(1) ?? new Uint8Array()),
    );
  } catch {
    throw new SyntaxError("a token is not valid UTF-8");
  }
  const [score, type] = [numberIn(fields, 2, 0), numberIn(fields, 3, 1)];
  if (!Number.isFinite(score)) throw new RangeError(`token ${JSON.stringify(token)} has no finite score`);
  return { token, score, type };
}

function numbersOf(message: Uint8Array<ArrayBuffer>): Numbers {
  return new Map([...fieldsOf(message)].map(({ number, value }) => [number, value]));
}

function numberIn(fields: Numbers, field: number, usual: number): number {
  const value = fields.get(field) ?? usual;
  if (typeof value !== "number") throw new SyntaxError(`field ${field} is not a number`);
  return value;
}

function expectBytes(value: Field["value"]): Uint8Array<ArrayBuffer> {
  if (typeof value === "number") throw new SyntaxError("a field is a number, expected a text or a message");
  return value;
}

/** One field: a number, or bytes (a text, a message inside). */
interface Field {
  readonly number: number;
  /** A number (the bits of a varint), or bytes. */
  readonly value: number | Uint8Array<ArrayBuffer>;
}

/** The fields of a message. Throws `SyntaxError` for other bytes; integers above 2^53 are rounded. */
function* fieldsOf(message: Uint8Array<ArrayBuffer>): Generator<Field> {
  try {
    const reader = new Wire.BinaryReader(message);
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      yield { number, value: valueOf(reader, type) };
    }
  } catch {
    throw new SyntaxError("it is not a Protocol Buffers message");
  }
}

function valueOf(reader: InstanceType<typeof Wire.BinaryReader>, type: number): Field["value"] {
  switch (type) {
    case Wire.WireType.Varint:
      return Number(reader.uint64());
    case Wire.WireType.Bit64:
      return reader.double();
    case Wire.WireType.Bit32:
      return reader.float();
    case Wire.WireType.LengthDelimited:
      return reader.bytes() as Uint8Array<ArrayBuffer>;
    default:
      throw new TypeError(`wire type ${type}`);
  }
}
