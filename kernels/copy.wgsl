// copy: the yardstick for bandwidth.
//
//   source [N]  f32  N a multiple of 4
//   copied [N]  f32  the same
//
// Idea: one thread moves 16 bytes. Traffic: 8·N bytes; the limit is memory bandwidth and nothing else.

struct Params {
  count: u32,
}

@group(0) @binding(0) var<storage, read> source: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> copied: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> params: Params;

const BLOCK = 256u;

@compute @workgroup_size(BLOCK)
fn copy(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x < params.count / 4u) { copied[id.x] = source[id.x]; }
}
