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

struct Params {
  tokens: u32,
  width: u32,
  has_attention: u32,
  has_mlp: u32,
  parallel: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> attention: array<f32>;
@group(0) @binding(2) var<storage, read> mlp: array<f32>;
@group(0) @binding(3) var<storage, read_write> gram: array<f32>;
@group(0) @binding(4) var<uniform> params: Params;

const LANES = 32u;
const BLOCK = 128u;
const PRODUCTS = 15u;

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
      let vu = va + vm;
      let base = select(vh, vx, params.parallel != 0u);
      let sum = base + vm;
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
  }

  sums[thread] = s;
  workgroupBarrier();
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    if (lane < half) {
      for (var n = 0u; n < PRODUCTS; n++) { sums[thread][n] += sums[thread + half][n]; }
    }
    workgroupBarrier();
  }

  // The first fifteen lanes write one product each.
  if (token < params.tokens && lane < PRODUCTS) {
    gram[token * PRODUCTS + lane] = sums[thread - lane][lane];
  }
}
