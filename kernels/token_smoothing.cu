// token_smoothing: how similar the tokens of each sample have become, as sums from which three measures follow.
//
//   x        [S, T, D]          f32  states of T tokens of S samples
//   squares  [S, T]             f32  |x_t|²
//   inverse  [S, T]             f32  scratch: 1/|x_t|, 0 for a token that is zero
//   sums     [S, T/128↑, 2, D]  f32  for each run of 128 tokens: Σ x_t, then Σ û_t with û = x/|x|
//   gram     [S, N/64↑, N/64↑]  f32  Σ of the squares of each 64 × 64 tile of G, lower tiles 0, upper ones twice
//
// The host adds the parts in float64. Mean pairwise cosine needs Σ û, the residual to rank one Σ x and Σ |x|², the
// participation ratio tr(G²) with G = X̂X̂ᵀ, which is also the sum of the squares of X̂ᵀX̂: N = min(T, D) picks the
// smaller of the two matrices (`columns` = 1: X̂ᵀX̂). G itself is never stored.
//
// Idea: three stages. `norms`: a warp per token, added by shuffles. `totals`: one thread per column and run of tokens.
// `tiles`: a product of 64 × 64 outputs, 8 × 8 in the registers of each of 64 threads, operands staged 32 deep in shared
// memory; its squares are added up on the spot. G is symmetric: tiles below the diagonal are not computed.
//
// Traffic: x three times, 12·T·D bytes, and T·D/16 out; tiles read their operands from the cache. N²·max(T, D)
// operations: the limit is float32 arithmetic once N is in the hundreds, memory below.

typedef unsigned int u32;

struct Params {
  u32 samples, tokens, width, columns;
};

const u32 LANES = 32;
const u32 RUN = 128;    // tokens of a partial sum, threads of `norms` and `totals`
const u32 TILE = 64;    // rows and columns of a tile, threads of `tiles`
const u32 QUADS = 16;   // float4 in a row of a tile
const u32 CHUNK = 32;   // depth multiplied between two barriers

__device__ __forceinline__ float warp_sum(float value) {
#pragma unroll
  for (u32 half = LANES / 2; half > 0; half /= 2) value += __shfl_xor_sync(0xffffffff, value, half);
  return value;
}

extern "C" __global__ void __launch_bounds__(RUN)
norms(const float *__restrict__ x, float *__restrict__ squares, float *__restrict__ inverse, float *sums, float *gram,
      Params params) {
  const u32 lane = threadIdx.x % LANES;
  const u32 token = blockIdx.x * (RUN / LANES) + threadIdx.x / LANES;
  if (token >= params.samples * params.tokens) return;  // whole warps leave together
  float sum = 0;
#pragma unroll 4
  for (u32 d = lane; d < params.width; d += LANES) {
    const float value = x[(size_t)token * params.width + d];
    sum += value * value;
  }
  sum = warp_sum(sum);
  if (lane == 0) {
    squares[token] = sum;
    inverse[token] = sum > 0 ? 1.0f / sqrtf(sum) : 0.0f;
  }
}

extern "C" __global__ void __launch_bounds__(RUN)
totals(const float *__restrict__ x, float *squares, const float *__restrict__ inverse, float *__restrict__ sums, float *gram,
       Params params) {
  const u32 d = blockIdx.x * RUN + threadIdx.x;
  if (d >= params.width) return;
  x += (size_t)blockIdx.z * params.tokens * params.width;  // this block's sample
  inverse += (size_t)blockIdx.z * params.tokens;
  sums += (size_t)blockIdx.z * gridDim.y * 2 * params.width;
  float plain = 0, unit = 0;
#pragma unroll 4
  for (u32 token = blockIdx.y * RUN; token < min((blockIdx.y + 1) * RUN, params.tokens); token++) {
    const float value = x[(size_t)token * params.width + d];
    plain += value;
    unit += value * inverse[token];
  }
  sums[(size_t)blockIdx.y * 2 * params.width + d] = plain;
  sums[((size_t)blockIdx.y * 2 + 1) * params.width + d] = unit;
}

// Element `depth` of row `row` of X̂, or of X̂ᵀ where `columns` is set; 0 outside.
__device__ __forceinline__ float unit_at(const float *x, const float *inverse, const Params &p, u32 row, u32 depth) {
  const u32 token = p.columns ? depth : row;
  const u32 d = p.columns ? row : depth;
  if (token >= p.tokens || d >= p.width) return 0.0f;
  return x[(size_t)token * p.width + d] * inverse[token];
}

__device__ __forceinline__ float4 units_at(const float *x, const float *inverse, const Params &p, u32 row, u32 depth) {
  return make_float4(unit_at(x, inverse, p, row, depth), unit_at(x, inverse, p, row + 1, depth),
                     unit_at(x, inverse, p, row + 2, depth), unit_at(x, inverse, p, row + 3, depth));
}

// Quad n of row r lies at (n + r) % QUADS, so that neighbouring threads hit different banks.
__device__ __forceinline__ u32 swizzled(u32 row, u32 quad) { return row * QUADS + ((quad + row) % QUADS); }

extern "C" __global__ void __launch_bounds__(TILE)
tiles(const float *__restrict__ x, float *squares, const float *__restrict__ inverse, float *sums, float *__restrict__ gram,
      Params params) {
  // Rows of G, then columns: [CHUNK][QUADS], four rows in a float4.
  __shared__ float4 operands[1024];
  __shared__ float halves[TILE / LANES];
  const u32 thread = threadIdx.x;
  const u32 at = blockIdx.y * gridDim.x + blockIdx.x;
  x += (size_t)blockIdx.z * params.tokens * params.width;  // this block's sample
  inverse += (size_t)blockIdx.z * params.tokens;
  gram += (size_t)blockIdx.z * gridDim.x * gridDim.y;
  if (blockIdx.x < blockIdx.y) {
    if (thread == 0) gram[at] = 0.0f;
    return;
  }

  // Neighbouring threads load neighbouring words: along the depth of X̂, along the rows of X̂ᵀ.
  const u32 deep = params.columns ? params.tokens : params.width;
  const u32 y = thread / 8, x8 = thread % 8;
  float products[8][8] = {};
  for (u32 depth0 = 0; depth0 < deep; depth0 += CHUNK) {
    __syncthreads();
#pragma unroll 2
    for (u32 n = 0; n < 8; n++) {
      const u32 i = n * TILE + thread;
      const u32 depth = params.columns ? i / QUADS : i % CHUNK;
      const u32 quad = params.columns ? i % QUADS : i / CHUNK;
      operands[swizzled(depth, quad)] = units_at(x, inverse, params, blockIdx.y * TILE + quad * 4, depth0 + depth);
      operands[512 + swizzled(depth, quad)] = units_at(x, inverse, params, blockIdx.x * TILE + quad * 4, depth0 + depth);
    }
    __syncthreads();
#pragma unroll 4
    for (u32 n = 0; n < CHUNK; n++) {
      const float4 upper = operands[swizzled(n, y)], lower = operands[swizzled(n, y + 8)];
      const float4 left = operands[512 + swizzled(n, x8)], right = operands[512 + swizzled(n, x8 + 8)];
      const float rows[8] = {upper.x, upper.y, upper.z, upper.w, lower.x, lower.y, lower.z, lower.w};
      const float columns[8] = {left.x, left.y, left.z, left.w, right.x, right.y, right.z, right.w};
#pragma unroll
      for (u32 r = 0; r < 8; r++) {
#pragma unroll
        for (u32 c = 0; c < 8; c++) products[r][c] += rows[r] * columns[c];
      }
    }
  }

  float sum = 0;
#pragma unroll
  for (u32 r = 0; r < 8; r++) {
    float row = 0;
#pragma unroll
    for (u32 c = 0; c < 8; c++) row += products[r][c] * products[r][c];
    sum += row;
  }
  sum = warp_sum(sum);
  if (thread % LANES == 0) halves[thread / LANES] = sum;
  __syncthreads();
  if (thread == 0) gram[at] = (halves[0] + halves[1]) * (blockIdx.x > blockIdx.y ? 2.0f : 1.0f);
}
