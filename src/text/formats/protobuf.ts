/** Just enough of Protocol Buffers' wire format to read a message's fields, one after the other. */

/** One field: a number, or bytes (a text, a message inside). */
export interface Field {
  readonly number: number;
  /** Of a varint or a fixed number, its bits as they are; of bytes, the bytes. */
  readonly value: number | Uint8Array<ArrayBuffer>;
}

const VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5;

/** The fields of a message. Throws `SyntaxError` where the bytes are none; integers above 2^53 are cut. */
export function* fieldsOf(message: Uint8Array<ArrayBuffer>): Generator<Field> {
  const view = new DataView(message.buffer, message.byteOffset, message.length);
  let at = 0;
  const broken = () => new SyntaxError("it is not a Protocol Buffers message");
  function varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= message.length) throw broken();
      const byte = message[at++];
      if (shift < 49) value += (byte & 127) * 2 ** shift;
      if (byte < 128) return value;
    }
    throw broken();
  }
  function take(bytes: number): number {
    const start = at;
    if (bytes > message.length - at) throw broken();
    at += bytes;
    return start;
  }
  while (at < message.length) {
    const key = varint();
    const number = Math.floor(key / 8);
    switch (key % 8) {
      case VARINT:
        yield { number, value: varint() };
        break;
      case FIXED64:
        yield { number, value: view.getFloat64(take(8), true) };
        break;
      case FIXED32:
        yield { number, value: view.getFloat32(take(4), true) };
        break;
      case BYTES: {
        const length = varint(), start = take(length);
        yield { number, value: message.subarray(start, start + length) };
        break;
      }
      default:
        throw broken();
    }
  }
}
