/* Warming up and measuring a session. */
#ifndef TFLCONV_MEASURE_H
#define TFLCONV_MEASURE_H

#include "clock.h"
#include "cores.h"
#include "counters.h"
#include "options.h"
#include "session.h"

/* Warm up and write the `run` line of the warm-up. */
void measure_warmup(struct session *session, const struct options *options,
                    const struct clock *clock);

/* Warm up, then write the `run` lines of the steady state and the `cpu` line. */
void measure(struct session *session, const struct options *options, const struct clock *clock,
             const struct cores *cores, struct counters *counters);

#endif
