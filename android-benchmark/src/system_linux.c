#ifdef __linux__
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include "system.h"
#include "text.h"

enum { MASK_BITS = 64 };

void system_end_with_parent(void) { prctl(PR_SET_PDEATHSIG, SIGKILL); }

bool system_allowed_cores(uint64_t *mask) {
  cpu_set_t set;
  CPU_ZERO(&set);
  *mask = 0;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return false;
  for (size_t core = 0; core < MASK_BITS; core++)
    if (CPU_ISSET(core, &set)) *mask |= UINT64_C(1) << core;
  return true;
}

bool system_pin(uint64_t mask) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (size_t core = 0; core < MASK_BITS; core++)
    if (mask >> core & 1) CPU_SET(core, &set);
  return sched_setaffinity(0, sizeof set, &set) == 0;
}

void system_sleep_until(uint64_t when) {
  struct timespec until = {.tv_sec = (time_t)(when / 1000000000u),
                           .tv_nsec = (long)(when % 1000000000u)};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR) {
  }
}

struct memory system_memory(void) {
  char status[8192];
  if (!text_read("/proc/self/status", status, sizeof status)) return (struct memory){0};
  return (struct memory){.peak_bytes = memory_field(status, "VmHWM:"),
                         .current_bytes = memory_field(status, "VmRSS:")};
}
#else
typedef int system_is_not_linux; /* C wants something in every file */
#endif
