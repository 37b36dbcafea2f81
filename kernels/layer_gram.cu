// layer_gram: per token, what each module's update u does to the stream X that it is added to, Y = X + u, as five products.
//
//   x         [T, D]      f32  residual stream before the layer
//   attention [T, D]      f32  a, what attention adds   (unread where has_attention = 0: a = 0)
//   mlp       [T, D]      f32  m, what the MLP adds     (unread where has_mlp = 0: m = 0)
//   gram      [T, 3, 5]   f32  X·X X·u u·u X·Y Y·Y of the attention (X = x, u = a), of the MLP (u = m, X = x + a, or x where
//                              parallel = 1) and of both (X = x, u = a + m)
//
// Idea: 32 lanes share a token. Each walks the D elements in steps of 32 and keeps all fifteen sums, so x, a and m are
// read once; then the lanes' sums are added as a tree. Four tokens fill a block.
//
// Traffic: 12·T·D bytes in, 60·T bytes out. 34 operations on 12 bytes: far below what any device can do per byte, so the
// limit is memory bandwidth.

typedef unsigned int u32;

struct Params {
  u32 tokens, width, has_attention, has_mlp, parallel;
};

const u32 LANES = 32;
const u32 BLOCK = 128;
const u32 PRODUCTS = 15;

extern "C" __global__ void __launch_bounds__(BLOCK)
layer_gram(const float *__restrict__ x, const float *__restrict__ attention, const float *__restrict__ mlp,
           float *__restrict__ gram, Params params) {
  const u32 lane = threadIdx.x % LANES;
  const u32 token = blockIdx.x * (BLOCK / LANES) + threadIdx.x / LANES;
  if (token >= params.tokens) return;  // whole warps leave together

  float s[PRODUCTS] = {};
  const size_t row = (size_t)token * params.width;
#pragma unroll 4
  for (u32 d = lane; d < params.width; d += LANES) {
    const float vx = x[row + d];
    const float va = params.has_attention ? attention[row + d] : 0.0f;
    const float vm = params.has_mlp ? mlp[row + d] : 0.0f;
    const float vh = vx + va;
    const float vy = vh + vm;
    const float vu = va + vm;
    const float base = params.parallel ? vx : vh;
    const float sum = base + vm;
    s[0] += vx * vx;
    s[1] += vx * va;
    s[2] += va * va;
    s[3] += vx * vh;
    s[4] += vh * vh;
    s[5] += base * base;
    s[6] += base * vm;
    s[7] += vm * vm;
    s[8] += base * sum;
    s[9] += sum * sum;
    s[10] += vx * vx;
    s[11] += vx * vu;
    s[12] += vu * vu;
    s[13] += vx * vy;
    s[14] += vy * vy;
  }

#pragma unroll
  for (u32 n = 0; n < PRODUCTS; n++) {
#pragma unroll
    for (u32 half = LANES / 2; half > 0; half /= 2) s[n] += __shfl_xor_sync(0xffffffff, s[n], half);
    if (lane == n) gram[(size_t)token * PRODUCTS + n] = s[n];
  }
}
