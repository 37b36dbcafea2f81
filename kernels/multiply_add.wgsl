// multiply_add: the yardstick for float32 arithmetic.
//
//   start  [N]  f32  N a multiple of 256
//   result [N]  f32  the sum of eight chains x ← x · factor + 1 from start, start + 1, … start + 7
//
// Idea: eight independent chains per thread, long enough that nothing but the arithmetic units is busy. 16·steps operations
// per thread for 8 bytes of traffic; the limit is float32 arithmetic and nothing else.

struct Params {
  count: u32,
  steps: u32,
  factor: f32,
}

@group(0) @binding(0) var<storage, read> start: array<f32>;
@group(0) @binding(1) var<storage, read_write> result: array<f32>;
@group(0) @binding(2) var<uniform> params: Params;

const BLOCK = 256u;

@compute @workgroup_size(BLOCK)
fn multiply_add(@builtin(global_invocation_id) id: vec3<u32>) {
  var a = start[id.x] + vec4(0.0, 1.0, 2.0, 3.0);
  var b = a + 4.0;
  let factor = vec4(params.factor);
  for (var n = 0u; n < params.steps; n++) {
    a = fma(a, factor, vec4(1.0));
    b = fma(b, factor, vec4(1.0));
  }
  let sum = a + b;
  result[id.x] = sum.x + sum.y + sum.z + sum.w;
}
