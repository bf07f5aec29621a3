/* The lines of the protocol that are not about ops or accuracy. See README.md. */
#ifndef TFLCONV_REPORT_H
#define TFLCONV_REPORT_H

#include "abi.h"
#include "cores.h"
#include "counters.h"
#include "loop.h"
#include "memory.h"
#include "session.h"
#include "usage.h"

void report_hello(void);
void report_init(const struct session *session, const struct cores *cores, uint64_t first_ns,
                 uint64_t output_digest);
/* `cores` is NULL, or their frequencies are reported too. */
void report_samples(const char *phase, const struct samples *samples, const struct cores *cores);

struct cpu {
  uint64_t runs, wall_ns;
  struct usage used;
  double rate_hz; /* 0 if as fast as possible */
  struct counts counts;
  const char *why_not_counted;
};

void report_cpu(const struct cpu *cpu);
void report_memory(struct memory before_init, struct memory after_init, struct memory now);
void report_end(const struct cores *cores);

#endif
