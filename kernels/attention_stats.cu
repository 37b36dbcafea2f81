// attention_stats: statistics of the attention pattern of every head, without ever storing a T × T matrix.
//
//   q     [S, T, H, E]  f32  queries of S samples, after the rotary embedding
//   k     [S, T, K, E]  f32  keys, K divides H: head h reads keys of head h / (H/K)
//   stats [S, 7, H, Q]  f32  per head and query: entropy (nats); entropy / ln n; first-token share; effective keys 1/ΣA²;
//                            mass on the top 16 keys; share of entries below 1 % of the largest; mean distance t − j
//
// Q queries at positions t = first + stride · i. Query t sees the n keys j ≤ t with t − j < window. Scores
// are scale · q·k, then softcap · tanh(score / softcap) where softcap > 0.
//
// Idea: a block takes 64 queries of one head and walks their keys in tiles of 64. The 64 × 64 scores of a tile are an
// ordinary product, 8 × 8 in the registers of each of 64 threads; laid into shared memory they are then scanned, a row per
// thread. Two sweeps over the keys: the first keeps each row's 16 largest scores (their head is the maximum), the second
// adds up exp(score − maximum) and its moments. "Below 1 % of the largest" needs the final maximum, so a second sweep is
// due anyway, and with it nothing has to be rescaled. Sums are made per tile, then added: the rounding error grows with
// 64 + T/64 terms, not T. Memory: O(T).
//
// Traffic: at least 4·E·T·(H + K) bytes in, 28·H·Q out; keys are read again by every block, from the cache. 4·E operations
// for each pair of query and key, at 64 queries a key loaded: the limit is float32 arithmetic (no tensor cores: their
// inputs have 10 bits of mantissa, too few for the tails).

typedef unsigned int u32;

struct Params {
  u32 samples, tokens, queries, heads, key_heads, size, first, stride, window;
  float scale, softcap;
};

const u32 TILE = 64;    // queries of a block, keys of a tile, threads
const u32 QUADS = 16;   // float4 in a row of a tile
const u32 CHUNK = 32;   // elements of E multiplied between two barriers
const u32 TOP = 16;
const float LOWEST = -3.0e38f;
const float LN_ONE_PERCENT = -4.605170186f;

// Quad n of row r lies at (n + r) % QUADS, so that neighbouring threads hit different banks.
__device__ __forceinline__ u32 swizzled(u32 row, u32 quad) { return row * QUADS + ((quad + row) % QUADS); }

__device__ __forceinline__ float query_at(const float *q, const Params &p, u32 index, u32 head, u32 e) {
  if (index >= p.queries || e >= p.size) return 0.0f;
  const size_t t = p.first + p.stride * index;
  return q[(t * p.heads + head) * p.size + e];
}

__device__ __forceinline__ float key_at(const float *k, const Params &p, u32 j, u32 head, u32 e) {
  if (j >= p.tokens || e >= p.size) return 0.0f;
  return k[((size_t)j * p.key_heads + head) * p.size + e];
}

__device__ __forceinline__ float capped(float dot, const Params &p) {
  const float score = dot * p.scale;
  if (p.softcap == 0.0f) return score;
  const float u = fminf(fmaxf(score / p.softcap, -15.0f), 15.0f);  // as in WGSL; beyond ±15 tanh is 1 in float32
  return p.softcap * (1.0f - 2.0f / (expf(2.0f * u) + 1.0f));
}

// Scores of queries query0 … and keys key0 … into `tile`, which holds the operands first (queries, then keys:
// [CHUNK][QUADS], four rows in a float4), the scores [TILE][QUADS] after. Thread (y, x) of 8 × 8 owns the rows of quads y
// and y + 8 and the columns of quads x and x + 8.
__device__ __forceinline__ void scores(float4 *tile, const float *q, const float *k, const Params &p, u32 query0, u32 key0,
                                       u32 head, u32 key_head) {
  const u32 thread = threadIdx.x;
  const u32 y = thread / 8, x = thread % 8;
  float sums[8][8] = {};

  for (u32 e0 = 0; e0 < p.size; e0 += CHUNK) {
    __syncthreads();
    const u32 e = thread % CHUNK;
    const u32 d = e0 + e;
#pragma unroll 2
    for (u32 quad = thread / CHUNK; quad < QUADS; quad += TILE / CHUNK) {
      const u32 i = query0 + quad * 4;
      const u32 j = key0 + quad * 4;
      tile[swizzled(e, quad)] = make_float4(query_at(q, p, i, head, d), query_at(q, p, i + 1, head, d),
                                            query_at(q, p, i + 2, head, d), query_at(q, p, i + 3, head, d));
      tile[512 + swizzled(e, quad)] = make_float4(key_at(k, p, j, key_head, d), key_at(k, p, j + 1, key_head, d),
                                                  key_at(k, p, j + 2, key_head, d), key_at(k, p, j + 3, key_head, d));
    }
    __syncthreads();
#pragma unroll 4
    for (u32 n = 0; n < CHUNK; n++) {
      const float4 left = tile[512 + swizzled(n, x)], right = tile[512 + swizzled(n, x + 8)];
      const float4 upper = tile[swizzled(n, y)], lower = tile[swizzled(n, y + 8)];
      const float rows[8] = {upper.x, upper.y, upper.z, upper.w, lower.x, lower.y, lower.z, lower.w};
      const float columns[8] = {left.x, left.y, left.z, left.w, right.x, right.y, right.z, right.w};
#pragma unroll
      for (u32 r = 0; r < 8; r++) {
#pragma unroll
        for (u32 c = 0; c < 8; c++) sums[r][c] += rows[r] * columns[c];
      }
    }
  }

  __syncthreads();
#pragma unroll
  for (u32 r = 0; r < 8; r++) {
    const u32 row = y * 4 + (r % 4) + (r / 4) * 32;
    float *s = sums[r];
    tile[swizzled(row, x)] = make_float4(capped(s[0], p), capped(s[1], p), capped(s[2], p), capped(s[3], p));
    tile[swizzled(row, x + 8)] = make_float4(capped(s[4], p), capped(s[5], p), capped(s[6], p), capped(s[7], p));
  }
  __syncthreads();
}

__device__ __forceinline__ bool sees(const Params &p, u32 t, u32 j) {
  return j <= t && t - j < p.window;
}

extern "C" __global__ void __launch_bounds__(TILE)
attention_stats(const float *__restrict__ q, const float *__restrict__ k, float *__restrict__ stats, Params params) {
  __shared__ float4 tile[1024];

  q += (size_t)blockIdx.z * params.tokens * params.heads * params.size;  // this block's sample
  k += (size_t)blockIdx.z * params.tokens * params.key_heads * params.size;
  stats += (size_t)blockIdx.z * 7 * params.heads * params.queries;

  // The last queries see the most keys: they start first.
  const u32 query0 = (gridDim.x - 1 - blockIdx.x) * TILE;
  const u32 head = blockIdx.y;
  const u32 key_head = head / (params.heads / params.key_heads);
  const u32 thread = threadIdx.x;

  const u32 index = query0 + thread;
  const u32 t = params.first + params.stride * index;
  const u32 oldest = params.first + params.stride * query0;
  const u32 newest = min(params.first + params.stride * (query0 + TILE - 1), params.tokens - 1);
  const u32 start = (oldest - min(oldest, params.window - 1)) / TILE * TILE;

  // Sweep 1: the 16 largest scores, in descending order.
  float top[TOP];
#pragma unroll
  for (u32 i = 0; i < TOP; i++) top[i] = LOWEST;
  for (u32 key0 = start; key0 <= newest; key0 += TILE) {
    scores(tile, q, k, params, query0, key0, head, key_head);
#pragma unroll 1
    for (u32 quad = 0; quad < QUADS; quad++) {
      const float4 four = tile[swizzled(thread, quad)];
      const float values[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
      for (u32 c = 0; c < 4; c++) {
        const u32 j = key0 + quad * 4 + c;
        if (sees(params, t, j) && values[c] > top[TOP - 1]) {
          float carried = values[c];
#pragma unroll
          for (u32 i = 0; i < TOP; i++) {
            const float larger = fmaxf(top[i], carried);
            carried = fminf(top[i], carried);
            top[i] = larger;
          }
        }
      }
    }
  }

  // Sweep 2: Σe, Σe², −Σe·ln e, Σe·(t − j) with e = exp(score − maximum).
  const float largest = top[0];
  float sum = 0, squares = 0, surprise = 0, distance = 0, on_first = 0;
  u32 below = 0;
  for (u32 key0 = start; key0 <= newest; key0 += TILE) {
    scores(tile, q, k, params, query0, key0, head, key_head);
    float part[4] = {};
#pragma unroll 1
    for (u32 quad = 0; quad < QUADS; quad++) {
      const float4 four = tile[swizzled(thread, quad)];
      const float values[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
      for (u32 c = 0; c < 4; c++) {
        const u32 j = key0 + quad * 4 + c;
        if (sees(params, t, j)) {
          const float s = values[c] - largest;
          const float e = expf(s);
          part[0] += e;
          part[1] += e * e;
          part[2] -= e * s;
          part[3] += e * (float)(t - j);
          below += s < LN_ONE_PERCENT;
          if (j == 0) on_first = e;
        }
      }
    }
    sum += part[0];
    squares += part[1];
    surprise += part[2];
    distance += part[3];
  }

  if (index < params.queries) {
    const u32 visible = min(t + 1, params.window);
    float mass = 0;
#pragma unroll
    for (u32 i = 0; i < TOP; i++) {
      if (i < visible) mass += expf(top[i] - largest);
    }
    const float entropy = fmaxf(0.0f, logf(sum) + surprise / sum);
    const size_t plane = (size_t)params.heads * params.queries;
    float *at = stats + (size_t)head * params.queries + index;
    at[0] = entropy;
    at[plane] = visible > 1 ? entropy / logf((float)visible) : 0.0f;
    at[2 * plane] = on_first / sum;
    at[3 * plane] = sum * sum / squares;
    at[4 * plane] = mass / sum;
    at[5 * plane] = (float)below / (float)visible;
    at[6 * plane] = distance / sum;
  }
}
