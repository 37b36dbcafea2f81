// layer_gram: per token, the eleven products from which importance, magnitudes and signs of a layer follow.
//
//   x         [T, D]   f32  residual stream before the layer
//   attention [T, D]   f32  a, what attention adds   (one unread word where has_attention = 0: a = 0)
//   mlp       [T, D]   f32  m, what the MLP adds     (one unread word where has_mlp = 0: m = 0)
//   gram      [T, 11]  f32  xx xa xm aa am mm, then xh hh hy xy yy with h = x + a, y = x + a + m
//
// Idea: one warp per token. Each lane walks the D elements in steps of 32 and keeps all eleven sums in registers, so x, a
// and m are read once; then the lanes' sums are added by shuffles. Four warps fill a block.
//
// Traffic: 12·T·D bytes in, 44·T bytes out. 24 operations on 12 bytes: far below what any device can do per byte, so the
// limit is memory bandwidth.

typedef unsigned int u32;

struct Params {
  u32 tokens, width, has_attention, has_mlp;
};

const u32 LANES = 32;
const u32 BLOCK = 128;
const u32 PRODUCTS = 11;

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
    s[0] += vx * vx;
    s[1] += vx * va;
    s[2] += vx * vm;
    s[3] += va * va;
    s[4] += va * vm;
    s[5] += vm * vm;
    s[6] += vx * vh;
    s[7] += vh * vh;
    s[8] += vh * vy;
    s[9] += vx * vy;
    s[10] += vy * vy;
  }

#pragma unroll
  for (u32 n = 0; n < PRODUCTS; n++) {
#pragma unroll
    for (u32 half = LANES / 2; half > 0; half /= 2) s[n] += __shfl_xor_sync(0xffffffff, s[n], half);
    if (lane == n) gram[(size_t)token * PRODUCTS + n] = s[n];
  }
}
