#include "clock.h"

#include <time.h>

#include "system.h"

static uint64_t now_ns(void *self) {
  (void)self;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until_ns(void *self, uint64_t when) {
  (void)self;
  system_sleep_until(when);
}

const struct clock monotonic_clock = {now_ns, sleep_until_ns, NULL};
