/* A plug-in for ONNX Runtime that brings no provider: it has none (NONE), says what it lacks (LACKS), or was made for a later version
   of ONNX Runtime and does not check that it got its interface (LATER). */
#include <stddef.h>
#include <stdint.h>

typedef void *(*create_status)(int code, const char *message);
typedef struct {
  void *const *(*get_api)(uint32_t version);
  const char *(*get_version)(void);
} api_base;

void *CreateEpFactories(const char *name, const api_base *base, const void *logger, void **factories, size_t most,
                        size_t *count) {
  *count = 0;
#if defined(LATER)
  return ((create_status) * (void *const volatile *)base->get_api(999))(1, "");
#elif defined(LACKS)
  return ((create_status)base->get_api(18)[0])(1, "libdriver.so.1 is not installed");
#else
  return NULL;
#endif
}

void *ReleaseEpFactory(void *factory) { return NULL; }
