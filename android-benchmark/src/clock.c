#include "clock.h"

#include <errno.h>
#include <time.h>

static uint64_t now_ns(void *self) {
  (void)self;
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void sleep_until_ns(void *self, uint64_t when) {
  (void)self;
  struct timespec until = {.tv_sec = (time_t)(when / 1000000000u),
                           .tv_nsec = (long)(when % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
  }
}

const struct clock monotonic_clock = {now_ns, sleep_until_ns, NULL};
