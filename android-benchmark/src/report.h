/* The lines of the protocol that are not about ops or accuracy. See README.md. */
#ifndef TFLCONV_REPORT_H
#define TFLCONV_REPORT_H

#include "cores.h"
#include "loop.h"
#include "memory.h"
#include "session.h"
#include "usage.h"

#define PROTOCOL 1

void report_hello(void);
void report_init(const struct session *session, const struct cores *cores, uint64_t first_ns);
void report_samples(const char *phase, const struct samples *samples);
void report_cpu(const struct usage *used, uint64_t wall_ns, uint64_t runs, double rate_hz);
void report_memory(struct memory before_init, struct memory after_init, struct memory now);
void report_end(const struct cores *cores);

#endif
