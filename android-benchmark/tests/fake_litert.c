/* A runtime with LiteRT's face and nothing behind it: four numbers go in, three scores come out,
 * each the sum of the numbers that follow it. FAKE_LITERT names the fault that it is to have. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "litert.h"

#define PUBLIC(result, name, parameters) \
  result LiteRt##name parameters;        \
  __attribute__((visibility("default"))) result LiteRt##name parameters

enum { INPUTS = 4, OUTPUTS = 3, NODES = 5 };

struct buffer {
  struct litert_tensor_type type;
  float values[INPUTS];
};

static const struct litert_tensor_type input_type = {1, {.rank = 2, .dims = {1, INPUTS}}};
static const struct litert_tensor_type output_type = {1, {.rank = 2, .dims = {1, OUTPUTS}}};

/* Handles that only need to be told apart. */
static char environment, model, signature, subgraph, input, output, options, opaque, compiled,
    profiler, requirements;
static int runs_profiled;

static int faulty(const char *fault) {
  const char *wanted = getenv("FAKE_LITERT");
  return wanted && strcmp(wanted, fault) == 0;
}

#define GIVE(pointer, handle) (*(pointer) = (void *)&(handle), 0)

PUBLIC(int, CreateModelFromFd, (void)) { return 5; }

PUBLIC(int, CreateEnvironment,
       (int count, const struct litert_environment_option *given, LiteRtEnvironment *made)) {
  (void)count, (void)given;
  return GIVE(made, environment);
}
PUBLIC(void, DestroyEnvironment, (LiteRtEnvironment unused)) { (void)unused; }

PUBLIC(int, CreateModelFromFile, (LiteRtEnvironment in, const char *path, LiteRtModel *made)) {
  (void)in, (void)path;
  if (faulty("model")) return 501;
  return GIVE(made, model);
}
PUBLIC(void, DestroyModel, (LiteRtModel unused)) { (void)unused; }

PUBLIC(int, GetModelSignature, (LiteRtModel of, size_t index, LiteRtSignature *found)) {
  (void)of, (void)index;
  return GIVE(found, signature);
}
PUBLIC(int, GetSignatureSubgraph, (LiteRtSignature of, LiteRtSubgraph *found)) {
  (void)of;
  return GIVE(found, subgraph);
}
PUBLIC(int, GetNumSubgraphOps, (LiteRtSubgraph of, size_t *count)) {
  return (void)of, *count = NODES, 0;
}
PUBLIC(int, GetNumSignatureInputs, (LiteRtSignature of, size_t *count)) {
  return (void)of, *count = 1, 0;
}
PUBLIC(int, GetNumSignatureOutputs, (LiteRtSignature of, size_t *count)) {
  return (void)of, *count = 1, 0;
}
PUBLIC(int, GetSignatureInputTensorByIndex, (LiteRtSignature of, size_t i, LiteRtTensor *found)) {
  (void)of, (void)i;
  return GIVE(found, input);
}
PUBLIC(int, GetSignatureOutputTensorByIndex, (LiteRtSignature of, size_t i, LiteRtTensor *found)) {
  (void)of, (void)i;
  return GIVE(found, output);
}
PUBLIC(int, GetTensorName, (LiteRtTensor of, const char **name)) {
  *name = (char *)of == &input ? "picture" : "scores";
  return 0;
}

static const struct litert_tensor_type *type_of(const void *tensor) {
  return tensor == &input ? &input_type : &output_type;
}

PUBLIC(int, GetRankedTensorType, (LiteRtTensor of, struct litert_tensor_type *type)) {
  *type = *type_of(of);
  return 0;
}
PUBLIC(int, GetQuantizationTypeId, (LiteRtTensor of, int *id)) { return (void)of, *id = 0, 0; }
PUBLIC(int, GetPerTensorQuantization, (LiteRtTensor of, struct litert_quantization *q)) {
  (void)of, (void)q;
  return 1;
}

PUBLIC(int, CreateOptions, (LiteRtOptions * made)) { return GIVE(made, options); }
PUBLIC(void, DestroyOptions, (LiteRtOptions unused)) { (void)unused; }
PUBLIC(int, SetOptionsHardwareAccelerators, (LiteRtOptions of, int set)) {
  return (void)of, (void)set, 0;
}
PUBLIC(int, CreateOpaqueOptions,
       (const char *name, void *data, void (*destroy)(void *), LiteRtOpaqueOptions *made)) {
  (void)name;
  destroy(data);
  return GIVE(made, opaque);
}
PUBLIC(int, AddOpaqueOptions, (LiteRtOptions to, LiteRtOpaqueOptions added)) {
  return (void)to, (void)added, 0;
}

PUBLIC(int, CreateCompiledModel,
       (LiteRtEnvironment in, LiteRtModel of, LiteRtOptions with, LiteRtCompiledModel *made)) {
  (void)in, (void)of, (void)with;
  if (faulty("crash")) abort();
  if (faulty("hang")) sleep(3600);
  if (faulty("compile")) return 504;
  return GIVE(made, compiled);
}
PUBLIC(void, DestroyCompiledModel, (LiteRtCompiledModel unused)) { (void)unused; }
PUBLIC(int, CompiledModelIsFullyAccelerated, (LiteRtCompiledModel of, bool *is)) {
  return (void)of, *is = false, 0;
}

PUBLIC(int, GetCompiledModelInputTensorLayout,
       (LiteRtCompiledModel of, size_t s, size_t i, struct litert_layout *layout)) {
  (void)of, (void)s, (void)i;
  *layout = input_type.layout;
  return 0;
}
PUBLIC(int, GetCompiledModelOutputTensorLayouts,
       (LiteRtCompiledModel of, size_t s, size_t count, struct litert_layout *layouts, bool now)) {
  (void)of, (void)s, (void)count, (void)now;
  *layouts = output_type.layout;
  return 0;
}
PUBLIC(int, GetCompiledModelInputBufferRequirements,
       (LiteRtCompiledModel of, size_t s, size_t i, LiteRtRequirements *found)) {
  (void)of, (void)s, (void)i;
  return GIVE(found, requirements);
}
PUBLIC(int, GetCompiledModelOutputBufferRequirements,
       (LiteRtCompiledModel of, size_t s, size_t i, LiteRtRequirements *found)) {
  (void)of, (void)s, (void)i;
  return GIVE(found, requirements);
}

PUBLIC(int, CreateManagedTensorBufferFromRequirements,
       (LiteRtEnvironment in, const struct litert_tensor_type *type, LiteRtRequirements needs,
        LiteRtTensorBuffer *made)) {
  (void)in, (void)needs;
  struct buffer *buffer = calloc(1, sizeof *buffer);
  buffer->type = *type;
  *made = (LiteRtTensorBuffer)buffer;
  return 0;
}
PUBLIC(void, DestroyTensorBuffer, (LiteRtTensorBuffer buffer)) { free(buffer); }
PUBLIC(int, GetTensorBufferPackedSize, (LiteRtTensorBuffer handle, size_t *size)) {
  *size = sizeof(float) * (size_t)((struct buffer *)handle)->type.layout.dims[1];
  return 0;
}
PUBLIC(int, GetTensorBufferTensorType,
       (LiteRtTensorBuffer handle, struct litert_tensor_type *type)) {
  *type = ((struct buffer *)handle)->type;
  if (faulty("tensor_layout")) memmove(type->layout.dims + 1, type->layout.dims, 8);
  return 0;
}
PUBLIC(int, LockTensorBuffer, (LiteRtTensorBuffer handle, void **memory, int mode)) {
  (void)mode;
  *memory = ((struct buffer *)handle)->values;
  return 0;
}
PUBLIC(int, UnlockTensorBuffer, (LiteRtTensorBuffer handle)) { return (void)handle, 0; }

PUBLIC(int, RunCompiledModel,
       (LiteRtCompiledModel of, size_t s, size_t in_count, LiteRtTensorBuffer *in, size_t out_count,
        LiteRtTensorBuffer *out)) {
  (void)of, (void)s, (void)in_count, (void)out_count;
  if (faulty("run")) return 3;
  const float *numbers = ((struct buffer *)in[0])->values;
  float *scores = ((struct buffer *)out[0])->values;
  for (int i = 0; i < OUTPUTS; i++) {
    scores[i] = 0;
    for (int k = i; k < INPUTS; k++) scores[i] += numbers[k];
  }
  runs_profiled++;
  return 0;
}

PUBLIC(int, CompiledModelGetProfiler, (LiteRtCompiledModel of, LiteRtProfiler *found)) {
  (void)of;
  return GIVE(found, profiler);
}
PUBLIC(int, StartProfiler, (LiteRtProfiler of)) { return (void)of, 0; }
PUBLIC(int, StopProfiler, (LiteRtProfiler of)) { return (void)of, 0; }
PUBLIC(int, ResetProfiler, (LiteRtProfiler of)) { return (void)of, runs_profiled = 0, 0; }

/* Two XNNPACK partitions around one built-in op. */
static const struct litert_event events[] = {
    {.tag = "Convolution (NHWC, F32) IGEMM", .event_type = LITERT_DELEGATE_OP, .elapsed_us = 5},
    {.tag = "SQUEEZE", .event_type = LITERT_BUILTIN_OP, .elapsed_us = 1, .metadata = {3}},
    {.tag = "Softmax (NC, F32)", .event_type = LITERT_DELEGATE_OP, .elapsed_us = 2},
};

PUBLIC(int, GetNumProfilerEvents, (LiteRtProfiler of, int *count)) {
  return (void)of, *count = 3 * runs_profiled, 0;
}
PUBLIC(int, GetProfilerEvents, (LiteRtProfiler of, int count, struct litert_event *to)) {
  (void)of;
  for (int i = 0; i < count; i++) to[i] = events[i % 3];
  if (faulty("event_layout")) memset(to + count, 1, 8);
  return 0;
}
