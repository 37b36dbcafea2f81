// random_normal: normal numbers that depend only on their place in a tensor's stream, bit for bit those of the CPU.
//
//   table   [65536]  f32  quantiles in whole units (exact in float32)
//   numbers [R, N]   f32  row r: N elements of the stream, the first being number start + r · stride; times scale
//
// Idea: one 32-bit word gives two elements, its low half the even one. A word is a Weyl counter through two
// xorshift-multiply rounds, the second key mixed in between; its halves look up the table; one exact conversion (done in
// the table) and one product by step = scale · unit, which every device rounds alike. No logarithm, no cosine.
// One thread makes a word, then the word as many threads further on, then the same of a row as many blocks further on.
// Numbers in one stretch are one row. Elements go up to 2³³: they are counted in words and a half.
//
// Traffic: 4·R·N bytes out; the 256 KB table stays in the cache. About five integer operations and one random look-up per
// number: the limit is the cache's gather rate, close before the bandwidth of the writes.

typedef unsigned int u32;

struct Params {
  u32 rows, width, key0, key1;
  u32 word;         // of the first element
  u32 odd;          // 1 if the first element is that word's high half
  u32 stride_words; // from a row's first element to the next row's: so many words,
  u32 stride_odd;   // and 1 if half a word more
  float step;
};

const u32 BLOCK = 256;

__device__ __forceinline__ u32 mixed(u32 x, u32 key1) {
  x = ((x ^ (x >> 16)) * 0x21f0aaadu) ^ key1;
  x = (x ^ (x >> 15)) * 0x735a2d97u;
  return x ^ (x >> 15);
}

extern "C" __global__ void __launch_bounds__(BLOCK)
random_normal(const float *__restrict__ table, float *__restrict__ numbers, Params params) {
  for (u32 row = blockIdx.y; row < params.rows; row += gridDim.y) {
    const u32 halves = params.odd + row * params.stride_odd;
    const u32 first = params.word + row * params.stride_words + halves / 2;
    const u32 odd = halves % 2;
    float *out = numbers + (size_t)row * params.width;
    const u32 words = (params.width + odd + 1) / 2;
    for (u32 w = blockIdx.x * BLOCK + threadIdx.x; w < words; w += gridDim.x * BLOCK) {
      const u32 x = mixed(params.key0 + (first + w) * 0x9e3779b9u, params.key1);
      const u32 even = 2 * w - odd;  // wraps below 0 for the half before the first element
      if (even < params.width) out[even] = table[x & 0xffff] * params.step;
      if (even + 1 < params.width) out[even + 1] = table[x >> 16] * params.step;
    }
  }
}
