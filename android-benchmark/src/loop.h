/* Running something over and over and keeping the durations.
 *
 * As in benchmark_model: go on until there were at least `runs` runs and `min_ns` have passed, but
 * not past `max_ns`, and not past `max_runs`, as hyperfine does. A run at a fixed frequency that
 * comes late starts at once. The rest after a run belongs to it, also after the last one: so shares
 * of time come out right.
 */
#ifndef TFLCONV_LOOP_H
#define TFLCONV_LOOP_H

#include <stddef.h>
#include <stdint.h>

#include "clock.h"

struct pace {
  int runs;
  uint64_t min_ns, max_ns; /* max_ns 0: no limit */
  uint64_t max_runs;       /* ends before min_ns; 0: no limit */
  uint64_t max_samples;    /* durations to keep until the next report; 0: no limit */
  uint64_t delay_ns;       /* rest after each run */
  uint64_t period_ns;      /* start runs this far apart; 0: as soon as possible */
  double duty_cycle;       /* share of time spent running; the rest is sleep */
  uint64_t burst_ns;       /* time of work in a row before it sleeps; 0: one run */
  uint64_t report_ns;      /* time between reports of samples; 0: never */
};

struct samples {
  uint64_t at_ns; /* when the first of them started, since the loop began */
  uint64_t *ns;
  size_t count, capacity;
  uint64_t runs; /* all of them, also those beyond `max_samples` */
};

struct work {
  void (*run)(void *self);
  void (*report)(void *self, const struct samples *samples);
  void *self;
};

/* Return the samples that were not reported yet, so that the time of writing them does not count
 * as time of the work. The caller frees `ns`. */
struct samples loop(const struct clock *clock, const struct pace *pace, const struct work *work);

#endif
