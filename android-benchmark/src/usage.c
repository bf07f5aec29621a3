#include "usage.h"

#include <sys/resource.h>
#include <time.h>

static uint64_t timeval_ns(struct timeval value) {
  return (uint64_t)value.tv_sec * 1000000000u + (uint64_t)value.tv_usec * 1000u;
}

struct usage usage_now(void) {
  struct timespec cpu;
  struct rusage self;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
  getrusage(RUSAGE_SELF, &self);
  return (struct usage){
      .cpu_ns = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec,
      .user_ns = timeval_ns(self.ru_utime),
      .system_ns = timeval_ns(self.ru_stime),
      .voluntary_switches = (uint64_t)self.ru_nvcsw,
      .involuntary_switches = (uint64_t)self.ru_nivcsw,
  };
}

struct usage usage_between(struct usage before, struct usage after) {
  return (struct usage){
      .cpu_ns = after.cpu_ns - before.cpu_ns,
      .user_ns = after.user_ns - before.user_ns,
      .system_ns = after.system_ns - before.system_ns,
      .voluntary_switches = after.voluntary_switches - before.voluntary_switches,
      .involuntary_switches = after.involuntary_switches - before.involuntary_switches,
  };
}
