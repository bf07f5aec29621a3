/* CPU time and context switches of this process, all its threads together. */
#ifndef TFLCONV_USAGE_H
#define TFLCONV_USAGE_H

#include <stdint.h>

struct usage {
  uint64_t cpu_ns, user_ns, system_ns;
  uint64_t voluntary_switches, involuntary_switches;
};

struct usage usage_now(void);
struct usage usage_between(struct usage before, struct usage after);

#endif
