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

struct Params {
  rows: u32,
  width: u32,
  key0: u32,
  key1: u32,
  word: u32,          // of the first element
  odd: u32,           // 1 if the first element is that word's high half
  stride_words: u32,  // from a row's first element to the next row's: so many words,
  stride_odd: u32,    // and 1 if half a word more
  step: f32,
}

@group(0) @binding(0) var<storage, read> table: array<f32>;
@group(0) @binding(1) var<storage, read_write> numbers: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

const BLOCK = 256u;

fn mixed(counter: u32) -> u32 {
  var x = counter;
  x = ((x ^ (x >> 16u)) * 0x21f0aaadu) ^ params.key1;
  x = (x ^ (x >> 15u)) * 0x735a2d97u;
  return x ^ (x >> 15u);
}

@compute @workgroup_size(BLOCK)
fn random_normal(@builtin(global_invocation_id) id: vec3<u32>, @builtin(num_workgroups) blocks: vec3<u32>) {
  for (var row = id.y; row < params.rows; row += blocks.y) {
    let halves = params.odd + row * params.stride_odd;
    let first = params.word + row * params.stride_words + halves / 2u;
    let odd = halves % 2u;
    let words = (params.width + odd + 1u) / 2u;
    for (var w = id.x; w < words; w += blocks.x * BLOCK) {
      let x = mixed(params.key0 + (first + w) * 0x9e3779b9u);
      let even = 2u * w - odd;  // wraps below 0 for the half before the first element
      let at = row * params.width + even;
      if (even < params.width) { numbers[at] = table[x & 0xffffu] * params.step; }
      if (even + 1u < params.width) { numbers[at + 1u] = table[x >> 16u] * params.step; }
    }
  }
}
