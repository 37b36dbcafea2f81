// layer_gram: per token, the eleven products from which importance, magnitudes and signs of a layer follow.
//
//   x         [T, D]   f32  residual stream before the layer
//   attention [T, D]   f32  a, what attention adds   (one unread word where has_attention = 0: a = 0)
//   mlp       [T, D]   f32  m, what the MLP adds     (one unread word where has_mlp = 0: m = 0)
//   gram      [T, 11]  f32  xx xa xm aa am mm, then xh hh hy xy yy with h = x + a, y = x + a + m
//
// Idea: 32 lanes share a token. Each walks the D elements in steps of 32 and keeps all eleven sums, so x, a and m are
// read once; then the lanes' sums are added as a tree. Four tokens fill a block.
//
// Traffic: 12·T·D bytes in, 44·T bytes out. 24 operations on 12 bytes: far below what any device can do per byte, so the
// limit is memory bandwidth.

struct Params {
  tokens: u32,
  width: u32,
  has_attention: u32,
  has_mlp: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> attention: array<f32>;
@group(0) @binding(2) var<storage, read> mlp: array<f32>;
@group(0) @binding(3) var<storage, read_write> gram: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const LANES = 32u;
const BLOCK = 128u;
const PRODUCTS = 11u;

var<workgroup> sums: array<array<f32, PRODUCTS>, BLOCK>;

@compute @workgroup_size(BLOCK)
fn layer_gram(@builtin(workgroup_id) block: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % LANES;
  let token = block.x * (BLOCK / LANES) + thread / LANES;

  var s: array<f32, PRODUCTS>;
  if (token < params.tokens) {
    for (var d = lane; d < params.width; d += LANES) {
      let i = token * params.width + d;
      let vx = x[i];
      var va = 0.0;
      var vm = 0.0;
      if (params.has_attention != 0u) { va = attention[i]; }
      if (params.has_mlp != 0u) { vm = mlp[i]; }
      let vh = vx + va;
      let vy = vh + vm;
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
  }

  sums[thread] = s;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      for (var n = 0u; n < PRODUCTS; n++) { sums[thread][n] += sums[thread + half][n]; }
    }
    workgroupBarrier();
  }

  // The first eleven lanes write one product each.
  if (token < params.tokens && lane < PRODUCTS) {
    gram[token * PRODUCTS + lane] = sums[thread - lane][lane];
  }
}
