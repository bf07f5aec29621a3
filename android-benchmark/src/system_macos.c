#ifdef __APPLE__
#include <errno.h>
#include <mach/mach.h>
#include <time.h>
#include <unistd.h>

#include "system.h"

void system_end_with_parent(void) {}

bool system_allowed_cores(uint64_t *mask) {
  long count = sysconf(_SC_NPROCESSORS_ONLN);
  *mask = count >= 64 ? UINT64_MAX : (UINT64_C(1) << (count > 0 ? count : 1)) - 1;
  return true;
}

bool system_pin(uint64_t mask) {
  uint64_t all;
  errno = ENOTSUP;
  return system_allowed_cores(&all) && mask == all;
}

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void system_sleep_until(uint64_t when) {
  for (uint64_t now = now_ns(); now < when; now = now_ns()) {
    uint64_t rest = when - now;
    struct timespec until = {.tv_sec = (time_t)(rest / 1000000000u),
                             .tv_nsec = (long)(rest % 1000000000u)};
    nanosleep(&until, NULL);
  }
}

struct memory system_memory(void) {
  struct mach_task_basic_info info;
  mach_msg_type_number_t count = MACH_TASK_BASIC_INFO_COUNT;
  if (task_info(mach_task_self(), MACH_TASK_BASIC_INFO, (task_info_t)&info, &count) != KERN_SUCCESS)
    return (struct memory){0};
  return (struct memory){.peak_bytes = info.resident_size_max, .current_bytes = info.resident_size};
}
#else
typedef int system_is_not_macos; /* C wants something in every file */
#endif
