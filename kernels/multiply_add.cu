// multiply_add: the yardstick for float32 arithmetic.
//
//   start  [N]  f32  N a multiple of 256
//   result [N]  f32  the sum of eight chains x ← x · factor + 1 from start, start + 1, … start + 7
//
// Idea: eight independent chains per thread, long enough that nothing but the arithmetic units is busy. 16·steps operations
// per thread for 8 bytes of traffic; the limit is float32 arithmetic and nothing else.

typedef unsigned int u32;

struct Params {
  u32 count, steps;
  float factor;
};

const u32 BLOCK = 256;
const u32 CHAINS = 8;

extern "C" __global__ void __launch_bounds__(BLOCK)
multiply_add(const float *__restrict__ start, float *__restrict__ result, Params params) {
  const u32 i = blockIdx.x * BLOCK + threadIdx.x;
  float chains[CHAINS];
#pragma unroll
  for (u32 c = 0; c < CHAINS; c++) chains[c] = start[i] + (float)c;
#pragma unroll 16
  for (u32 n = 0; n < params.steps; n++) {
#pragma unroll
    for (u32 c = 0; c < CHAINS; c++) chains[c] = fmaf(chains[c], params.factor, 1.0f);
  }
  float sum = 0;
#pragma unroll
  for (u32 c = 0; c < CHAINS; c++) sum += chains[c];
  result[i] = sum;
}
