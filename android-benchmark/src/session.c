#include "session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "mark.h"

static void check_model(int status, const char *doing) { litert_check(status, EXIT_MODEL, doing); }

/* LiteRT takes options of its parts as TOML text under the name of the part. */
static void add_toml(struct session *session, const char *part, const char *toml) {
  LiteRtOpaqueOptions opaque;
  char *text = must_alloc(strdup(toml));
  check_model(session->litert->CreateOpaqueOptions(part, text, free, &opaque), "make options");
  check_model(session->litert->AddOpaqueOptions(session->options, opaque), "add options");
}

static void add_xnnpack(struct session *session, const struct options *options) {
  size_t size = 128 + strlen(options->weight_cache);
  char *text = must_alloc(malloc(size));
  size_t length = (size_t)snprintf(text, size, "num_threads = %d\n", options->num_threads);
  if (options->xnnpack_flags)
    length +=
        (size_t)snprintf(text + length, size - length, "flags = %d\n", options->xnnpack_flags);
  if (*options->weight_cache)
    snprintf(text + length, size - length, "weight_cache_file_path = \"%s\"\n",
             options->weight_cache);
  add_toml(session, "xnnpack", text);
  free(text);
}

static void make_options(struct session *session, const struct options *options) {
  const struct litert *litert = session->litert;
  check_model(litert->CreateOptions(&session->options), "make options");
  int accelerators = session->gpu ? LITERT_GPU | LITERT_CPU : LITERT_CPU;
  check_model(litert->SetOptionsHardwareAccelerators(session->options, accelerators),
              "choose the accelerator");
  add_xnnpack(session, options);
  if (options->enable_op_profiling)
    add_toml(session, "runtime_options_string", "enable_profiling = true\n");
}

/* LiteRT looks for its accelerators in its own folder only if an option names that folder. */
static void start(struct session *session, const char *runtime) {
  char *folder = must_alloc(strdup(runtime)), *slash = strrchr(folder, '/');
  if (slash) *slash = '\0';
  struct litert_environment_option beside = {LITERT_RUNTIME_LIBRARY_DIR, {LITERT_TEXT, folder}};
  check_model(session->litert->CreateEnvironment(session->gpu && slash, &beside,
                                                 &session->environment),
              "start LiteRT");
  free(folder);
}

static void load(struct session *session, const struct options *options) {
  start(session, options->runtime);
  check_model(session->litert->CreateModelFromFile(session->environment, options->graph,
                                                   &session->model),
              "read the model");
}

static LiteRtSignature first_signature(struct session *session) {
  const struct litert *litert = session->litert;
  LiteRtSignature signature;
  LiteRtSubgraph subgraph;
  check_model(litert->GetModelSignature(session->model, 0, &signature), "find a signature");
  check_model(litert->GetSignatureSubgraph(signature, &subgraph), "find the graph");
  check_model(litert->GetNumSubgraphOps(subgraph, &session->nodes), "count the nodes");
  check_model(litert->GetNumSignatureInputs(signature, &session->input_count), "count inputs");
  check_model(litert->GetNumSignatureOutputs(signature, &session->output_count), "count outputs");
  if (session->input_count > SESSION_MAX_TENSORS || session->output_count > SESSION_MAX_TENSORS)
    fail(EXIT_MODEL, "the model has more than %d inputs or outputs", SESSION_MAX_TENSORS);
  return signature;
}

static void describe(const struct litert *litert, LiteRtTensor handle, struct tensor *tensor) {
  int quantization;
  check_model(litert->GetTensorName(handle, &tensor->name), "read a tensor's name");
  check_model(litert->GetRankedTensorType(handle, &tensor->type), "read a tensor's type");
  check_model(litert->GetQuantizationTypeId(handle, &quantization), "read a tensor's scale");
  if (quantization != LITERT_PER_TENSOR) return;
  check_model(litert->GetPerTensorQuantization(handle, &tensor->quantization),
              "read a tensor's scale");
  litert_check_quantization(&tensor->quantization);
}

static void make_buffer(struct session *session, struct tensor *tensor,
                        LiteRtRequirements requirements) {
  const struct litert *litert = session->litert;
  check_model(litert->CreateManagedTensorBufferFromRequirements(session->environment, &tensor->type,
                                                                requirements, &tensor->buffer),
              "make a buffer");
  check_model(litert->GetTensorBufferPackedSize(tensor->buffer, &tensor->bytes), "size a buffer");
  struct litert_tensor_type given_back;
  check_model(litert->GetTensorBufferTensorType(tensor->buffer, &given_back), "ask a buffer");
  litert_check_type(&tensor->type, &given_back, tensor->bytes);
}

/* A dynamic batch is -1 in the file; the compiled model has its actual size. */
static void make_inputs(struct session *session, LiteRtSignature signature) {
  const struct litert *litert = session->litert;
  for (size_t i = 0; i < session->input_count; i++) {
    struct tensor *tensor = &session->inputs[i];
    LiteRtTensor handle;
    LiteRtRequirements needs;
    check_model(litert->GetSignatureInputTensorByIndex(signature, i, &handle), "find an input");
    describe(litert, handle, tensor);
    check_model(litert->GetCompiledModelInputTensorLayout(session->compiled, 0, i,
                                                          &tensor->type.layout),
                "read an input's shape");
    check_model(litert->GetCompiledModelInputBufferRequirements(session->compiled, 0, i, &needs),
                "size an input");
    make_buffer(session, tensor, needs);
    session->input_buffers[i] = tensor->buffer;
  }
}

static void make_outputs(struct session *session, LiteRtSignature signature) {
  const struct litert *litert = session->litert;
  struct litert_layout layouts[SESSION_MAX_TENSORS];
  check_model(litert->GetCompiledModelOutputTensorLayouts(session->compiled, 0,
                                                          session->output_count, layouts, true),
              "read the outputs' shapes");
  for (size_t i = 0; i < session->output_count; i++) {
    struct tensor *tensor = &session->outputs[i];
    LiteRtTensor handle;
    LiteRtRequirements needs;
    check_model(litert->GetSignatureOutputTensorByIndex(signature, i, &handle), "find an output");
    describe(litert, handle, tensor);
    tensor->type.layout = layouts[i];
    check_model(litert->GetCompiledModelOutputBufferRequirements(session->compiled, 0, i, &needs),
                "size an output");
    make_buffer(session, tensor, needs);
    session->output_buffers[i] = tensor->buffer;
  }
}

/* Nanoseconds since `*since`, which becomes now. */
static uint64_t lap(const struct clock *clock, uint64_t *since) {
  uint64_t before = *since;
  *since = clock_now(clock);
  return *since - before;
}

/* An old runtime lacks this function and confirms nothing. */
static bool is_on_accelerator(const struct session *session) {
  bool confirmed = false;
  if (session->litert->CompiledModelIsNonCpuFullyAccelerated)
    check_model(session->litert->CompiledModelIsNonCpuFullyAccelerated(session->compiled,
                                                                       &confirmed),
                "ask whether the accelerator executes the model");
  return confirmed;
}

void session_open(struct session *session, const struct litert *litert,
                  const struct options *options, const struct clock *clock) {
  *session = (struct session){.litert = litert, .gpu = strcmp(options->accelerator, "gpu") == 0};
  uint64_t since = clock_now(clock);
  load(session, options);
  session->load_ns = lap(clock, &since);

  make_options(session, options);
  litert_check(litert->CreateCompiledModel(session->environment, session->model, session->options,
                                           &session->compiled),
               session->gpu ? EXIT_RUNTIME : EXIT_MODEL,
               session->gpu ? "compile the model for a GPU" : "compile the model");
  check_model(litert->CompiledModelIsFullyAccelerated(session->compiled,
                                                      &session->fully_accelerated),
              "ask who executes the model");
  session->on_accelerator = is_on_accelerator(session);
  session->compile_ns = lap(clock, &since);

  LiteRtSignature signature = first_signature(session);
  make_inputs(session, signature);
  make_outputs(session, signature);
  session->buffers_ns = lap(clock, &since);
}

/* A GPU works asynchronously; locking the outputs waits until they can be read. */
static int wait_for_outputs(struct session *session) {
  const struct litert *litert = session->litert;
  void *memory;
  int status = 0;
  for (size_t i = 0; i < session->output_count && status == 0; i++) {
    status = litert->LockTensorBuffer(session->output_buffers[i], &memory, LITERT_READ);
    if (status == 0) status = litert->UnlockTensorBuffer(session->output_buffers[i]);
  }
  return status;
}

void session_run(struct session *session) {
  MARK_BEGIN();
  int status = session->litert->RunCompiledModel(session->compiled, 0, session->input_count,
                                                 session->input_buffers, session->output_count,
                                                 session->output_buffers);
  if (session->gpu && status == 0) status = wait_for_outputs(session);
  MARK_END();
  litert_check(status, EXIT_RUN, "run the model");
}

void session_write(struct session *session, size_t input, const void *data) {
  struct tensor *tensor = &session->inputs[input];
  void *memory;
  litert_check(session->litert->LockTensorBuffer(tensor->buffer, &memory, LITERT_WRITE), EXIT_INPUT,
               "write an input");
  memcpy(memory, data, tensor->bytes);
  session->litert->UnlockTensorBuffer(tensor->buffer);
}

void session_read(struct session *session, size_t output, void *data) {
  struct tensor *tensor = &session->outputs[output];
  void *memory;
  litert_check(session->litert->LockTensorBuffer(tensor->buffer, &memory, LITERT_READ), EXIT_RUN,
               "read an output");
  memcpy(data, memory, tensor->bytes);
  session->litert->UnlockTensorBuffer(tensor->buffer);
}

size_t tensor_elements(const struct tensor *tensor) {
  size_t count = 1;
  for (unsigned i = 0; i < tensor->type.layout.rank; i++)
    count *= (size_t)tensor->type.layout.dims[i];
  return count;
}

void session_close(struct session *session) {
  const struct litert *litert = session->litert;
  for (size_t i = 0; i < session->input_count; i++)
    litert->DestroyTensorBuffer(session->input_buffers[i]);
  for (size_t i = 0; i < session->output_count; i++)
    litert->DestroyTensorBuffer(session->output_buffers[i]);
  litert->DestroyCompiledModel(session->compiled);
  litert->DestroyOptions(session->options);
  litert->DestroyModel(session->model);
  litert->DestroyEnvironment(session->environment);
}
