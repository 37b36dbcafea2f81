// A stand-in for cuBLAS: what gives something back. Products are generated: they return 0 and multiply nothing.
#include "trace.h"
static long handle[64];
int cublasCreate_v2(void **made) { *made = handle; return 0; }
int cublasSetStream_v2(void *of, void *stream) { trace("cublasSetStream stream %p", stream); return 0; }
int cublasSetMathMode(void *of, int mode) { trace("cublasSetMathMode %d", mode); return 0; }
int cublasGetMathMode(void *of, int *mode) { *mode = 0; return 0; }
// Types as numbers: CUDA_R_32F 0, CUDA_R_16BF 14; CUBLAS_COMPUTE_32F 68, CUBLAS_COMPUTE_32F_FAST_TF32 77.
int cublasGemmEx(void *of, int ta, int tb, int m, int n, int k, void *alpha, void *a, int a_type, int lda, void *b, int b_type,
                 int ldb, void *beta, void *c, int c_type, int ldc, int compute, int algorithm) {
  trace("cublasGemmEx of %d and %d to %d in %d", a_type, b_type, c_type, compute);
  return 0;
}
int cublasGemmStridedBatchedEx(void *of, int ta, int tb, int m, int n, int k, void *alpha, void *a, int a_type, int lda,
                               long long a_stride, void *b, int b_type, int ldb, long long b_stride, void *beta, void *c,
                               int c_type, int ldc, long long c_stride, int count, int compute, int algorithm) {
  trace("cublasGemmStridedBatchedEx of %d and %d to %d in %d", a_type, b_type, c_type, compute);
  return 0;
}
const char *cublasGetStatusName(int status) { return "status of a stand-in"; }
const char *cublasGetStatusString(int status) { return "status of a stand-in"; }
