/* The part of the LiteRT C API that is used here, loaded from libLiteRt.so when the program runs.
 *
 * No header of LiteRT is needed. The functions are those that 2.1.6 and later export, on every
 * platform. Structures of the API are declared again and checked twice: by static asserts here and
 * by the functions litert_check_... against the loaded library.
 * Reference: the headers in litert/c/ of github.com/google-ai-edge/LiteRT.
 */
#ifndef TFLCONV_LITERT_H
#define TFLCONV_LITERT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LITERT_MAX_RANK 8

struct litert_layout {
  unsigned rank : 7;
  unsigned has_strides : 1;
  int32_t dims[LITERT_MAX_RANK];
  uint32_t strides[LITERT_MAX_RANK];
};

struct litert_tensor_type {
  int32_t element_type;
  struct litert_layout layout;
};

struct litert_quantization {
  float scale;
  int64_t zero_point;
};

struct litert_environment_option {
  int32_t tag;
  struct {
    int32_t type;
    const char *text;
  } value;
};

struct litert_event {
  const char *tag;
  int32_t event_type;
  uint64_t start_us, elapsed_us;
  int64_t begin_memory[3], end_memory[3];
  uint64_t metadata[2];
  int32_t source;
};

static_assert(sizeof(struct litert_layout) == 68, "LiteRtLayout");
static_assert(offsetof(struct litert_layout, dims) == 4, "LiteRtLayout.dimensions");
static_assert(sizeof(struct litert_tensor_type) == 72, "LiteRtRankedTensorType");
static_assert(sizeof(struct litert_quantization) == 16, "LiteRtQuantizationPerTensor");
static_assert(offsetof(struct litert_quantization, zero_point) == 8, "zero_point");
static_assert(sizeof(struct litert_environment_option) == 24, "LiteRtEnvOption");
static_assert(sizeof(struct litert_event) == 104, "ProfiledEventData");
static_assert(offsetof(struct litert_event, elapsed_us) == 24, "ProfiledEventData.elapsed_time_us");

enum litert_accelerator { LITERT_CPU = 1, LITERT_GPU = 2 };
enum litert_environment_tag { LITERT_RUNTIME_LIBRARY_DIR = 22 };
enum litert_any_type { LITERT_TEXT = 8 };
enum litert_quantization_type { LITERT_PER_TENSOR = 1 };
enum litert_lock { LITERT_READ = 0, LITERT_WRITE = 1 };
enum litert_event_type { LITERT_BUILTIN_OP = 1 << 1, LITERT_DELEGATE_OP = 1 << 3 };

typedef struct LiteRtEnvironmentT *LiteRtEnvironment;
typedef struct LiteRtModelT *LiteRtModel;
typedef struct LiteRtOptionsT *LiteRtOptions;
typedef struct LiteRtOpaqueOptionsT *LiteRtOpaqueOptions;
typedef struct LiteRtCompiledModelT *LiteRtCompiledModel;
typedef struct LiteRtSignatureT *LiteRtSignature;
typedef struct LiteRtSubgraphT *LiteRtSubgraph;
typedef struct LiteRtTensorT *LiteRtTensor;
typedef struct LiteRtTensorBufferT *LiteRtTensorBuffer;
typedef struct LiteRtRequirementsT *LiteRtRequirements;
typedef struct LiteRtProfilerT *LiteRtProfiler;

/* X(result, name without its prefix LiteRt, parameters) */
#define LITERT_FUNCTIONS(X)                                                                       \
  X(int, CreateEnvironment, (int, const struct litert_environment_option *, LiteRtEnvironment *)) \
  X(void, DestroyEnvironment, (LiteRtEnvironment))                                                \
  X(int, CreateModelFromFile, (LiteRtEnvironment, const char *, LiteRtModel *))                   \
  X(void, DestroyModel, (LiteRtModel))                                                            \
  X(int, GetModelSignature, (LiteRtModel, size_t, LiteRtSignature *))                             \
  X(int, GetSignatureSubgraph, (LiteRtSignature, LiteRtSubgraph *))                               \
  X(int, GetNumSubgraphOps, (LiteRtSubgraph, size_t *))                                           \
  X(int, GetNumSignatureInputs, (LiteRtSignature, size_t *))                                      \
  X(int, GetNumSignatureOutputs, (LiteRtSignature, size_t *))                                     \
  X(int, GetSignatureInputTensorByIndex, (LiteRtSignature, size_t, LiteRtTensor *))               \
  X(int, GetSignatureOutputTensorByIndex, (LiteRtSignature, size_t, LiteRtTensor *))              \
  X(int, GetTensorName, (LiteRtTensor, const char **))                                            \
  X(int, GetRankedTensorType, (LiteRtTensor, struct litert_tensor_type *))                        \
  X(int, GetQuantizationTypeId, (LiteRtTensor, int *))                                            \
  X(int, GetPerTensorQuantization, (LiteRtTensor, struct litert_quantization *))                  \
  X(int, CreateOptions, (LiteRtOptions *))                                                        \
  X(void, DestroyOptions, (LiteRtOptions))                                                        \
  X(int, SetOptionsHardwareAccelerators, (LiteRtOptions, int))                                    \
  X(int, CreateOpaqueOptions, (const char *, void *, void (*)(void *), LiteRtOpaqueOptions *))    \
  X(int, AddOpaqueOptions, (LiteRtOptions, LiteRtOpaqueOptions))                                  \
  X(int, CreateCompiledModel,                                                                     \
    (LiteRtEnvironment, LiteRtModel, LiteRtOptions, LiteRtCompiledModel *))                       \
  X(void, DestroyCompiledModel, (LiteRtCompiledModel))                                            \
  X(int, CompiledModelIsFullyAccelerated, (LiteRtCompiledModel, bool *))                          \
  X(int, GetCompiledModelInputTensorLayout,                                                       \
    (LiteRtCompiledModel, size_t, size_t, struct litert_layout *))                                \
  X(int, GetCompiledModelOutputTensorLayouts,                                                     \
    (LiteRtCompiledModel, size_t, size_t, struct litert_layout *, bool))                          \
  X(int, GetCompiledModelInputBufferRequirements,                                                 \
    (LiteRtCompiledModel, size_t, size_t, LiteRtRequirements *))                                  \
  X(int, GetCompiledModelOutputBufferRequirements,                                                \
    (LiteRtCompiledModel, size_t, size_t, LiteRtRequirements *))                                  \
  X(int, CreateManagedTensorBufferFromRequirements,                                               \
    (LiteRtEnvironment, const struct litert_tensor_type *, LiteRtRequirements,                    \
     LiteRtTensorBuffer *))                                                                       \
  X(void, DestroyTensorBuffer, (LiteRtTensorBuffer))                                              \
  X(int, GetTensorBufferPackedSize, (LiteRtTensorBuffer, size_t *))                               \
  X(int, GetTensorBufferTensorType, (LiteRtTensorBuffer, struct litert_tensor_type *))            \
  X(int, LockTensorBuffer, (LiteRtTensorBuffer, void **, int))                                    \
  X(int, UnlockTensorBuffer, (LiteRtTensorBuffer))                                                \
  X(int, RunCompiledModel,                                                                        \
    (LiteRtCompiledModel, size_t, size_t, LiteRtTensorBuffer *, size_t, LiteRtTensorBuffer *))    \
  X(int, CompiledModelGetProfiler, (LiteRtCompiledModel, LiteRtProfiler *))                       \
  X(int, StartProfiler, (LiteRtProfiler))                                                         \
  X(int, StopProfiler, (LiteRtProfiler))                                                          \
  X(int, ResetProfiler, (LiteRtProfiler))                                                         \
  X(int, GetNumProfilerEvents, (LiteRtProfiler, int *))                                           \
  X(int, GetProfilerEvents, (LiteRtProfiler, int, struct litert_event *))

struct litert {
  void *library;
#define LITERT_FIELD(result, name, parameters) result(*name) parameters;
  LITERT_FUNCTIONS(LITERT_FIELD)
#undef LITERT_FIELD
  /* Newer than 2.1.6: NULL where the library lacks it. */
  int (*CompiledModelIsNonCpuFullyAccelerated)(LiteRtCompiledModel, bool *);
};

/* Load the library at `path`; fails with one message if it is missing or older than 2.1.6. */
void litert_load(struct litert *litert, const char *path);

/* Fail unless `status` is that of success; `doing` completes "cannot ...". */
void litert_check(int status, int exit_code, const char *doing);

/* The self-test: fail unless the library writes what our structs expect. A buffer must give back
 * the type it was made of; a scale is positive and a zero point fits 16 bits; `count` events fill
 * `count` of our structs and leave LITERT_SPARE zeroed ones after them alone. */
#define LITERT_SPARE 4
void litert_check_type(const struct litert_tensor_type *made_of,
                       const struct litert_tensor_type *given_back, size_t packed_bytes);
void litert_check_quantization(const struct litert_quantization *quantization);
void litert_check_events(const struct litert_event *events, size_t count);

/* Name of an element type as NumPy has it, "other" where this program cannot fill it. */
const char *litert_type_name(int element_type);
size_t litert_type_bytes(int element_type);

#endif
