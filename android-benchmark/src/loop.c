#include "loop.h"

#include <stdbool.h>
#include <stdlib.h>

#include "fail.h"

static void keep(struct samples *samples, uint64_t ns) {
  if (samples->count == samples->capacity) {
    samples->capacity = samples->capacity ? 2 * samples->capacity : 1024;
    samples->ns = must_alloc(realloc(samples->ns, samples->capacity * sizeof *samples->ns));
  }
  samples->ns[samples->count++] = ns;
}

static bool enough(const struct pace *pace, uint64_t elapsed, uint64_t runs) {
  if (pace->max_ns && elapsed >= pace->max_ns) return true;
  return runs >= (uint64_t)pace->runs && elapsed >= pace->min_ns;
}

/* When to start the next run, having started the last at `began` and ended it at `ended`. */
static uint64_t next_start(const struct pace *pace, uint64_t loop_began, uint64_t runs,
                           uint64_t began, uint64_t ended) {
  uint64_t rest = (uint64_t)((double)(ended - began) * (1 / pace->duty_cycle - 1));
  uint64_t next = ended + pace->delay_ns + rest;
  uint64_t due = loop_began + runs * pace->period_ns;
  return pace->period_ns && due > next ? due : next;
}

static void hand_over(const struct work *work, struct samples *samples, uint64_t at_ns) {
  work->report(work->self, samples);
  samples->count = 0;
  samples->at_ns = at_ns;
}

struct samples loop(const struct clock *clock, const struct pace *pace, const struct work *work) {
  struct samples samples = {0};
  uint64_t loop_began = clock_now(clock), now = loop_began;
  for (uint64_t runs = 0; !enough(pace, now - loop_began, runs);) {
    uint64_t began = clock_now(clock);
    work->run(work->self);
    now = clock_now(clock);
    keep(&samples, now - began);
    uint64_t next = next_start(pace, loop_began, ++runs, began, now);
    if (pace->report_ns && now - loop_began >= samples.at_ns + pace->report_ns)
      hand_over(work, &samples, now - loop_began);
    if (next > now) clock_sleep_until(clock, now = next);
  }
  return samples;
}
