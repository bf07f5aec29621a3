#include "loop.h"

#include <stdbool.h>
#include <stdlib.h>

#include "fail.h"

static void keep(struct samples *samples, uint64_t max_samples, uint64_t ns) {
  samples->runs++;
  if (max_samples && samples->count >= max_samples) return;
  if (samples->count == samples->capacity) {
    samples->capacity = samples->capacity ? 2 * samples->capacity : 1024;
    samples->ns = must_alloc(realloc(samples->ns, samples->capacity * sizeof *samples->ns));
  }
  samples->ns[samples->count++] = ns;
}

static bool enough(const struct pace *pace, uint64_t elapsed, uint64_t runs) {
  if (pace->max_ns && elapsed >= pace->max_ns) return true;
  if (runs < (uint64_t)pace->runs) return false;
  return (pace->max_runs && runs >= pace->max_runs) || elapsed >= pace->min_ns;
}

/* Sleep that the work since the last sleep has earned, once that was a whole burst. */
static uint64_t rest_after(const struct pace *pace, uint64_t *worked) {
  if (*worked < pace->burst_ns) return 0;
  uint64_t rest = (uint64_t)((double)*worked * (1 / pace->duty_cycle - 1));
  *worked = 0;
  return rest;
}

/* When to start the next run, having ended the last at `ended`. */
static uint64_t next_start(const struct pace *pace, uint64_t loop_began, uint64_t runs,
                           uint64_t ended, uint64_t rest) {
  uint64_t next = ended + pace->delay_ns + rest;
  uint64_t due = loop_began + runs * pace->period_ns;
  return pace->period_ns && due > next ? due : next;
}

/* A report never spans a rest that is as long as a report itself. */
static bool is_due(const struct pace *pace, const struct samples *samples, uint64_t elapsed,
                   uint64_t rest) {
  return pace->report_ns &&
         (elapsed >= samples->at_ns + pace->report_ns || rest >= pace->report_ns);
}

static void hand_over(const struct work *work, struct samples *samples, uint64_t at_ns) {
  work->report(work->self, samples);
  samples->count = samples->runs = 0;
  samples->at_ns = at_ns;
}

struct samples loop(const struct clock *clock, const struct pace *pace, const struct work *work) {
  struct samples samples = {0};
  uint64_t loop_began = clock_now(clock), now = loop_began, worked = 0;
  for (uint64_t runs = 0; !enough(pace, now - loop_began, runs);) {
    uint64_t began = clock_now(clock);
    work->run(work->self);
    now = clock_now(clock);
    keep(&samples, pace->max_samples, now - began);
    worked += now - began;
    uint64_t next = next_start(pace, loop_began, ++runs, now, rest_after(pace, &worked));
    if (is_due(pace, &samples, now - loop_began, next - now))
      hand_over(work, &samples, next - loop_began);
    if (next > now) clock_sleep_until(clock, now = next);
  }
  return samples;
}
