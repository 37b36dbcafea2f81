// copy: the yardstick for bandwidth.
//
//   source [N]  f32  N a multiple of 4
//   copied [N]  f32  the same
//
// Idea: one thread moves 16 bytes. Traffic: 8·N bytes; the limit is memory bandwidth and nothing else.

typedef unsigned int u32;

struct Params {
  u32 count;
};

const u32 BLOCK = 256;

extern "C" __global__ void __launch_bounds__(BLOCK)
copy(const float4 *__restrict__ source, float4 *__restrict__ copied, Params params) {
  const u32 i = blockIdx.x * BLOCK + threadIdx.x;
  if (i < params.count / 4) copied[i] = source[i];
}
