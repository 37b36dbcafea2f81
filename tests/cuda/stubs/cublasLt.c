// A stand-in for cuBLASLt: it makes handles, and knows no algorithm.
static long handle[64];
int cublasLtCreate(void **made) { *made = handle; return 0; }
int cublasLtMatmulDescCreate(void **made) { *made = handle; return 0; }
int cublasLtMatmulPreferenceCreate(void **made) { *made = handle; return 0; }
int cublasLtMatrixLayoutCreate(void **made) { *made = handle; return 0; }
int cublasLtMatrixTransformDescCreate(void **made) { *made = handle; return 0; }
int cublasLtMatmulAlgoGetHeuristic(void *a, void *b, void *c, void *d, void *e, void *f, void *g, int asked, void *results,
                                   int *found) {
  *found = 0;
  return 0;
}
