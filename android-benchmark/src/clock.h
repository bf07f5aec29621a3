/* Time behind an interface, so that tests can say what time it is. */
#ifndef TFLCONV_CLOCK_H
#define TFLCONV_CLOCK_H

#include <stdint.h>

struct clock {
  uint64_t (*now_ns)(void *self);
  void (*sleep_until_ns)(void *self, uint64_t when);
  void *self;
};

/* CLOCK_MONOTONIC: setting the wall clock back does not touch it. */
extern const struct clock monotonic_clock;

static inline uint64_t clock_now(const struct clock *clock) { return clock->now_ns(clock->self); }

static inline void clock_sleep_until(const struct clock *clock, uint64_t when) {
  clock->sleep_until_ns(clock->self, when);
}

static inline uint64_t seconds_to_ns(double seconds) { return (uint64_t)(seconds * 1e9); }

#endif
