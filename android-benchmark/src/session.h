/* A model that is loaded, compiled and has its buffers, ready to run. */
#ifndef TFLCONV_SESSION_H
#define TFLCONV_SESSION_H

#include "clock.h"
#include "litert.h"
#include "options.h"

#define SESSION_MAX_TENSORS 16

struct tensor {
  const char *name;
  struct litert_tensor_type type;
  struct litert_quantization quantization; /* scale 0 if the tensor has none */
  LiteRtTensorBuffer buffer;
  size_t bytes;
};

struct session {
  const struct litert *litert;
  LiteRtEnvironment environment;
  LiteRtModel model;
  LiteRtOptions options;
  LiteRtCompiledModel compiled;
  bool gpu; /* a run has ended only when its outputs can be read */
  size_t nodes;
  bool fully_accelerated; /* no built-in kernel is left */
  bool on_accelerator;    /* the runtime confirms that nothing is left to the CPU */
  size_t input_count, output_count;
  struct tensor inputs[SESSION_MAX_TENSORS], outputs[SESSION_MAX_TENSORS];
  LiteRtTensorBuffer input_buffers[SESSION_MAX_TENSORS], output_buffers[SESSION_MAX_TENSORS];
  uint64_t load_ns, compile_ns, buffers_ns;
};

/* Read, compile and allocate; fails with EXIT_MODEL and one message. */
void session_open(struct session *session, const struct litert *litert,
                  const struct options *options, const struct clock *clock);

/* One inference; fails with EXIT_RUN. */
void session_run(struct session *session);

/* Copy `bytes` into the input or out of the output; fails with EXIT_INPUT or EXIT_RUN. */
void session_write(struct session *session, size_t input, const void *data);
void session_read(struct session *session, size_t output, void *data);

size_t tensor_elements(const struct tensor *tensor);

void session_close(struct session *session);

#endif
