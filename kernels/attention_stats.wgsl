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
// ordinary product, 8 × 8 in the registers of each of 64 threads; laid into workgroup memory they are then scanned, a
// row per thread. Two sweeps over the keys: the first keeps each row's 16 largest scores (their head is the maximum), the
// second adds up exp(score − maximum) and its moments. "Below 1 % of the largest" needs the final maximum, so a second
// sweep is due anyway, and with it nothing has to be rescaled. Sums are made per tile, then added: the rounding error
// grows with 64 + T/64 terms, not T. Memory: O(T).
//
// Traffic: at least 4·E·T·(H + K) bytes in, 28·H·Q out; keys are read again by every block, from the cache. 4·E operations
// for each pair of query and key, at 64 queries a key loaded: the limit is float32 arithmetic.

struct Params {
  samples: u32,
  tokens: u32,
  queries: u32,
  heads: u32,
  key_heads: u32,
  size: u32,
  first: u32,
  stride: u32,
  window: u32,
  scale: f32,
  softcap: f32,
}

@group(0) @binding(0) var<storage, read> q: array<f32>;
@group(0) @binding(1) var<storage, read> k: array<f32>;
@group(0) @binding(2) var<storage, read_write> stats: array<f32>;
@group(0) @binding(3) var<uniform> params: Params;

const TILE = 64u;      // queries of a block, keys of a tile, threads
const QUADS = 16u;     // vec4 in a row of a tile
const CHUNK = 32u;     // elements of E multiplied between two barriers
const TOP = 16u;
const LOWEST = -3.0e38;
const LN_ONE_PERCENT = -4.605170186;

// First the operands (queries, then keys: [CHUNK][QUADS], four rows in a vec4), then the scores [TILE][QUADS].
// Quad n of row r lies at (n + r) % QUADS, so that neighbouring threads hit different banks.
var<workgroup> tile: array<vec4<f32>, 1024>;

fn swizzled(row: u32, quad: u32) -> u32 {
  return row * QUADS + ((quad + row) % QUADS);
}

fn query_at(sample: u32, index: u32, head: u32, e: u32) -> f32 {
  if (index >= params.queries || e >= params.size) { return 0.0; }
  let t = sample * params.tokens + params.first + params.stride * index;
  return q[(t * params.heads + head) * params.size + e];
}

fn key_at(sample: u32, j: u32, head: u32, e: u32) -> f32 {
  if (j >= params.tokens || e >= params.size) { return 0.0; }
  return k[((sample * params.tokens + j) * params.key_heads + head) * params.size + e];
}

fn capped(dots: vec4<f32>) -> vec4<f32> {
  let scores = dots * params.scale;
  if (params.softcap == 0.0) { return scores; }
  // tanh by its exponential: WGSL promises the built-in to 1e-5 only. Beyond ±15 it is 1 in float32.
  let u = clamp(scores / params.softcap, vec4(-15.0), vec4(15.0));
  return params.softcap * (1.0 - 2.0 / (exp(2.0 * u) + 1.0));
}

// Scores of a sample's queries query0 … and keys key0 … into `tile`. Thread (y, x) of 8 × 8 owns the rows of quads y and y + 8 and
// the columns of quads x and x + 8.
fn scores(sample: u32, query0: u32, key0: u32, head: u32, key_head: u32, thread: u32) {
  let y = thread / 8u;
  let x = thread % 8u;
  var sums: array<array<vec4<f32>, 2>, 8>;

  for (var e0 = 0u; e0 < params.size; e0 += CHUNK) {
    workgroupBarrier();
    let e = thread % CHUNK;
    for (var quad = thread / CHUNK; quad < QUADS; quad += 2u) {
      let i = query0 + quad * 4u;
      let j = key0 + quad * 4u;
      let d = e0 + e;
      tile[swizzled(e, quad)] =
        vec4(query_at(sample, i, head, d), query_at(sample, i + 1u, head, d),
             query_at(sample, i + 2u, head, d), query_at(sample, i + 3u, head, d));
      tile[512u + swizzled(e, quad)] =
        vec4(key_at(sample, j, key_head, d), key_at(sample, j + 1u, key_head, d),
             key_at(sample, j + 2u, key_head, d), key_at(sample, j + 3u, key_head, d));
    }
    workgroupBarrier();
    for (var n = 0u; n < CHUNK; n++) {
      let left = tile[512u + swizzled(n, x)];
      let right = tile[512u + swizzled(n, x + 8u)];
      let upper = tile[swizzled(n, y)];
      let lower = tile[swizzled(n, y + 8u)];
      for (var r = 0u; r < 4u; r++) {
        sums[r][0] += upper[r] * left;
        sums[r][1] += upper[r] * right;
        sums[r + 4u][0] += lower[r] * left;
        sums[r + 4u][1] += lower[r] * right;
      }
    }
  }

  workgroupBarrier();
  for (var r = 0u; r < 8u; r++) {
    let row = y * 4u + (r % 4u) + (r / 4u) * 32u;
    tile[swizzled(row, x)] = capped(sums[r][0]);
    tile[swizzled(row, x + 8u)] = capped(sums[r][1]);
  }
  workgroupBarrier();
}

fn sees(t: u32, j: u32) -> bool {
  return j <= t && t - j < params.window;
}

@compute @workgroup_size(TILE)
fn attention_stats(@builtin(workgroup_id) block: vec3<u32>, @builtin(num_workgroups) blocks: vec3<u32>,
                   @builtin(local_invocation_index) thread: u32) {
  // The last queries see the most keys: they start first.
  let query0 = (blocks.x - 1u - block.x) * TILE;
  let head = block.y;
  let sample = block.z;
  let key_head = head / (params.heads / params.key_heads);

  let index = query0 + thread;
  let t = params.first + params.stride * index;
  let oldest = params.first + params.stride * query0;
  let newest = min(params.first + params.stride * (query0 + TILE - 1u), params.tokens - 1u);
  let start = (oldest - min(oldest, params.window - 1u)) / TILE * TILE;

  // Sweep 1: the 16 largest scores, in descending order.
  var top: array<f32, TOP>;
  for (var i = 0u; i < TOP; i++) { top[i] = LOWEST; }
  for (var key0 = start; key0 <= newest; key0 += TILE) {
    scores(sample, query0, key0, head, key_head, thread);
    for (var quad = 0u; quad < QUADS; quad++) {
      let four = tile[swizzled(thread, quad)];
      for (var c = 0u; c < 4u; c++) {
        let j = key0 + quad * 4u + c;
        if (sees(t, j) && four[c] > top[TOP - 1u]) {
          var carried = four[c];
          for (var i = 0u; i < TOP; i++) {
            let larger = max(top[i], carried);
            carried = min(top[i], carried);
            top[i] = larger;
          }
        }
      }
    }
  }

  // Sweep 2: Σe, Σe², −Σe·ln e, Σe·(t − j) with e = exp(score − maximum).
  let largest = top[0];
  var total = vec4(0.0);
  var below = 0u;
  var on_first = 0.0;
  for (var key0 = start; key0 <= newest; key0 += TILE) {
    scores(sample, query0, key0, head, key_head, thread);
    var part = vec4(0.0);
    for (var quad = 0u; quad < QUADS; quad++) {
      let four = tile[swizzled(thread, quad)];
      for (var c = 0u; c < 4u; c++) {
        let j = key0 + quad * 4u + c;
        if (sees(t, j)) {
          let s = four[c] - largest;
          let e = exp(s);
          part += vec4(e, e * e, -e * s, e * f32(t - j));
          below += u32(s < LN_ONE_PERCENT);
          if (j == 0u) { on_first = e; }
        }
      }
    }
    total += part;
  }

  if (index < params.queries) {
    let visible = min(t + 1u, params.window);
    var mass = 0.0;
    for (var i = 0u; i < min(TOP, visible); i++) { mass += exp(top[i] - largest); }
    let entropy = max(0.0, log(total.x) + total.z / total.x);
    let plane = params.heads * params.queries;
    let at = 7u * sample * plane + head * params.queries + index;
    stats[at] = entropy;
    stats[plane + at] = select(0.0, entropy / log(f32(visible)), visible > 1u);
    stats[2u * plane + at] = on_first / total.x;
    stats[3u * plane + at] = total.x * total.x / total.y;
    stats[4u * plane + at] = mass / total.x;
    stats[5u * plane + at] = f32(below) / f32(visible);
    stats[6u * plane + at] = total.w / total.x;
  }
}
