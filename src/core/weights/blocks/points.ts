/**
 * The points of the IQ types: eight numbers (four in IQ3) that an index stands for, signs apart. The tables are those of llama.cpp.
 * points.json is generated: deno run -A tests/fixtures/make_ggml.ts
 */
import stored from "./points.json" with { type: "json" };

/** Numbers of all points, one after the other: digits of so many bits, the lowest first, stand for values. */
function unpacked({ bits, values, text }: typeof stored.IQ1_S): Int8Array {
  const bytes = Uint8Array.fromBase64(text), perByte = 8 / bits;
  const digit = (i: number) => bytes[Math.floor(i / perByte)] >> bits * (i % perByte) & 2 ** bits - 1;
  return Int8Array.from({ length: bytes.length * perByte }, (_, i) => values[digit(i)]);
}

export const points = Object.fromEntries(
  Object.entries(stored).map(([type, table]) => [type, unpacked(table)]),
) as Record<keyof typeof stored, Int8Array>;
