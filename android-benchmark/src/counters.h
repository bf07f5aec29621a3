/* Instructions and cycles of this process and the threads it starts later, by perf_event_open.
 *
 * Not every system allows this to an ordinary process: then `why_not` has the reason, and nothing
 * else changes. Android allows it to adb's shell after `setprop security.perf_harden 0`.
 */
#ifndef TFLCONV_COUNTERS_H
#define TFLCONV_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>

struct counters {
  int instructions, cycles; /* file descriptors, -1 where not counted */
  char why_not[96];         /* empty if both are counted */
};

struct counts {
  bool counted;
  uint64_t instructions, cycles;
};

/* Open them stopped and at zero; call before any thread is started. */
struct counters counters_open(void);
void counters_start(const struct counters *counters);
/* Stop and read; what the kernel could count only part of the time is scaled up. */
struct counts counters_stop(struct counters *counters);
void counters_close(const struct counters *counters);

#endif
