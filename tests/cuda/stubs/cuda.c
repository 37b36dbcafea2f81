// A stand-in for CUDA's driver, as far as our kernels call it: modules are kept as they come, launches are written down with the
// addresses they are given. A context belongs to a thread, as on a device.
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include "trace.h"

enum { INVALID_VALUE = 1, INVALID_IMAGE = 200, INVALID_CONTEXT = 201, LAUNCH_FAILED = 719 };

static int context;
static __thread void *current;

int cuGetErrorName(int error, const char **name) {
  *name = error == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED" : error == INVALID_CONTEXT ? "CUDA_ERROR_INVALID_CONTEXT"
    : error == INVALID_IMAGE ? "CUDA_ERROR_INVALID_IMAGE" : "CUDA_ERROR_UNKNOWN";
  return 0;
}
int cuStreamGetCtx(void *stream, void **made) { *made = &context; return stream ? 0 : INVALID_VALUE; }
int cuCtxSetCurrent(void *made) { current = made; return 0; }
int cuCtxGetDevice(int *device) { *device = 0; return current == &context ? 0 : INVALID_CONTEXT; }
// Compute capability 9.0, as in cudart.c.
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : 0; return 0; }

int cuModuleLoadData(void **module, const void *image) {
  if (memcmp(image, "\177ELF", 4)) return INVALID_IMAGE;
  trace("cuModuleLoadData");
  *module = &context;
  return current == &context ? 0 : INVALID_CONTEXT;
}
int cuModuleGetFunction(void **function, void *module, const char *name) { *function = strdup(name); return 0; }

// The list of arguments begins with a pointer to each and goes on with them (../../../src/core/libraries/pointers.ts): so their number is
// known. All but the last, the struct of parameters, are addresses.
int cuLaunchKernel(const char *function, unsigned x, unsigned y, unsigned z, unsigned block, unsigned block_y, unsigned block_z,
                   unsigned shared, void *stream, uint64_t **arguments, void **extra) {
  if (current != &context) return INVALID_CONTEXT;
  char places[160] = "";
  size_t count = (void **)arguments[0] - (void **)arguments, used = 0;
  for (size_t i = 0; i + 1 < count && used < sizeof places - 24; i++) {
    used += snprintf(places + used, sizeof places - used, " 0x%llx", (unsigned long long)*arguments[i]);
  }
  char line[240];
  snprintf(line, sizeof line, "%s %u x %u x %u of %u on%s", function, x, y, z, block, places);
  return stub_launch(line, stream) ? LAUNCH_FAILED : 0;
}
