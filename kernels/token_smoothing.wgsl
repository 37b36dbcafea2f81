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
// Idea: three stages. `norms`: 32 lanes per token, then a tree. `totals`: one thread per column and run of tokens. `tiles`:
// a product of 64 × 64 outputs, 8 × 8 in the registers of each of 64 threads, operands staged 32 deep in workgroup
// memory; its squares are added up on the spot. G is symmetric: tiles below the diagonal are not computed.
//
// Traffic: x three times, 12·T·D bytes, and T·D/16 out; tiles read their operands from the cache. N²·max(T, D)
// operations: the limit is float32 arithmetic once N is in the hundreds, memory below.

struct Params {
  samples: u32,
  tokens: u32,
  width: u32,
  columns: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> squares: array<f32>;
@group(0) @binding(2) var<storage, read_write> inverse: array<f32>;
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
@group(0) @binding(4) var<storage, read_write> gram: array<f32>;
@group(0) @binding(5) var<uniform> params: Params;

const LANES = 32u;
const RUN = 128u;      // tokens of a partial sum, threads of `norms` and `totals`
const TILE = 64u;      // rows and columns of a tile, threads of `tiles`
const QUADS = 16u;     // vec4 in a row of a tile
const CHUNK = 32u;     // depth multiplied between two barriers

var<workgroup> partial: array<f32, RUN>;

@compute @workgroup_size(RUN)
fn norms(@builtin(workgroup_id) block: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % LANES;
  let token = block.x * (RUN / LANES) + thread / LANES;
  var sum = 0.0;
  if (token < params.samples * params.tokens) {
    for (var d = lane; d < params.width; d += LANES) {
      let value = x[token * params.width + d];
      sum += value * value;
    }
  }
  partial[thread] = sum;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) { partial[thread] += partial[thread + half]; }
    workgroupBarrier();
  }
  if (token < params.samples * params.tokens && lane == 0u) {
    let square = partial[thread];
    squares[token] = square;
    inverse[token] = select(0.0, 1.0 / sqrt(square), square > 0.0);
  }
}

@compute @workgroup_size(RUN)
fn totals(@builtin(workgroup_id) block: vec3<u32>, @builtin(num_workgroups) blocks: vec3<u32>,
          @builtin(local_invocation_index) thread: u32) {
  let d = block.x * RUN + thread;
  if (d >= params.width) { return; }
  var plain = 0.0;
  var unit = 0.0;
  for (var t = block.y * RUN; t < min((block.y + 1u) * RUN, params.tokens); t++) {
    let token = block.z * params.tokens + t;
    let value = x[token * params.width + d];
    plain += value;
    unit += value * inverse[token];
  }
  let run = block.z * blocks.y + block.y;
  sums[run * 2u * params.width + d] = plain;
  sums[(run * 2u + 1u) * params.width + d] = unit;
}

// Element `depth` of row `row` of a sample's X̂, or of X̂ᵀ where `columns` is set; 0 outside.
fn unit_at(sample: u32, row: u32, depth: u32) -> f32 {
  let t = select(row, depth, params.columns != 0u);
  let d = select(depth, row, params.columns != 0u);
  if (t >= params.tokens || d >= params.width) { return 0.0; }
  let token = sample * params.tokens + t;
  return x[token * params.width + d] * inverse[token];
}

fn units_at(sample: u32, row: u32, depth: u32) -> vec4<f32> {
  return vec4(unit_at(sample, row, depth), unit_at(sample, row + 1u, depth),
              unit_at(sample, row + 2u, depth), unit_at(sample, row + 3u, depth));
}

// Rows of G, then columns: [CHUNK][QUADS], four rows in a vec4. Quad n of row r lies at (n + r) % QUADS, so that
// neighbouring threads hit different banks.
var<workgroup> operands: array<vec4<f32>, 1024>;

fn swizzled(row: u32, quad: u32) -> u32 {
  return row * QUADS + ((quad + row) % QUADS);
}

@compute @workgroup_size(TILE)
fn tiles(@builtin(workgroup_id) block: vec3<u32>, @builtin(num_workgroups) blocks: vec3<u32>,
         @builtin(local_invocation_index) thread: u32) {
  let at = (block.z * blocks.y + block.y) * blocks.x + block.x;
  if (block.x < block.y) {
    if (thread == 0u) { gram[at] = 0.0; }
    return;
  }

  // Neighbouring threads load neighbouring words: along the depth of X̂, along the rows of X̂ᵀ.
  let columns = params.columns != 0u;
  let deep = select(params.width, params.tokens, columns);
  let y = thread / 8u;
  let x8 = thread % 8u;
  var products: array<array<vec4<f32>, 2>, 8>;
  for (var depth0 = 0u; depth0 < deep; depth0 += CHUNK) {
    workgroupBarrier();
    for (var n = 0u; n < 8u; n++) {
      let i = n * TILE + thread;
      let depth = select(i % CHUNK, i / QUADS, columns);
      let quad = select(i / CHUNK, i % QUADS, columns);
      operands[swizzled(depth, quad)] = units_at(block.z, block.y * TILE + quad * 4u, depth0 + depth);
      operands[512u + swizzled(depth, quad)] = units_at(block.z, block.x * TILE + quad * 4u, depth0 + depth);
    }
    workgroupBarrier();
    for (var n = 0u; n < CHUNK; n++) {
      let upper = operands[swizzled(n, y)];
      let lower = operands[swizzled(n, y + 8u)];
      let left = operands[512u + swizzled(n, x8)];
      let right = operands[512u + swizzled(n, x8 + 8u)];
      for (var r = 0u; r < 4u; r++) {
        products[r][0] += upper[r] * left;
        products[r][1] += upper[r] * right;
        products[r + 4u][0] += lower[r] * left;
        products[r + 4u][1] += lower[r] * right;
      }
    }
  }

  var sum = 0.0;
  for (var r = 0u; r < 8u; r++) {
    sum += dot(products[r][0], products[r][0]) + dot(products[r][1], products[r][1]);
  }
  partial[thread] = sum;
  workgroupBarrier();
  for (var half = TILE / 2u; half > 0u; half /= 2u) {
    if (thread < half) { partial[thread] += partial[thread + half]; }
    workgroupBarrier();
  }
  if (thread == 0u) { gram[at] = partial[0] * select(1.0, 2.0, block.x > block.y); }
}
