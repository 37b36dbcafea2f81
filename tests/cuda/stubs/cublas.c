// A stand-in for cuBLAS: what gives something back. Products are generated: they return 0 and multiply nothing.
#include "trace.h"
static long handle[64];
int cublasCreate_v2(void **made) { *made = handle; return 0; }
int cublasSetStream_v2(void *of, void *stream) { trace("cublasSetStream stream %p", stream); return 0; }
int cublasGetMathMode(void *of, int *mode) { *mode = 0; return 0; }
const char *cublasGetStatusName(int status) { return "status of a stand-in"; }
const char *cublasGetStatusString(int status) { return "status of a stand-in"; }
