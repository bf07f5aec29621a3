#include "counters.h"

#include <stdio.h>

#ifdef __linux__
#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_counter(uint64_t what) {
  struct perf_event_attr attributes = {
      .type = PERF_TYPE_HARDWARE,
      .size = sizeof attributes,
      .config = what,
      .disabled = 1,
      .inherit = 1,
      .exclude_kernel = 1,
      .exclude_hv = 1,
      .read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING,
  };
  return (int)syscall(__NR_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static void give_up(struct counters *counters, const char *reason) {
  snprintf(counters->why_not, sizeof counters->why_not, "perf_event_open: %s", reason);
}

struct counters counters_open(void) {
  struct counters counters = {.instructions = open_counter(PERF_COUNT_HW_INSTRUCTIONS)};
  int error = errno;
  counters.cycles = open_counter(PERF_COUNT_HW_CPU_CYCLES);
  if (counters.instructions < 0 || counters.cycles < 0)
    give_up(&counters, strerror(counters.instructions < 0 ? error : errno));
  return counters;
}

static void control(const struct counters *counters, unsigned long request) {
  if (counters->instructions >= 0) ioctl(counters->instructions, request, 0);
  if (counters->cycles >= 0) ioctl(counters->cycles, request, 0);
}

void counters_start(const struct counters *counters) {
  control(counters, PERF_EVENT_IOC_RESET);
  control(counters, PERF_EVENT_IOC_ENABLE);
}

static bool read_counter(int file, uint64_t *value) {
  struct {
    uint64_t value, enabled, running;
  } got;
  if (file < 0 || read(file, &got, sizeof got) != sizeof got || got.running == 0) return false;
  *value = (uint64_t)((double)got.value * ((double)got.enabled / (double)got.running));
  return true;
}

struct counts counters_stop(struct counters *counters) {
  struct counts counts = {0};
  control(counters, PERF_EVENT_IOC_DISABLE);
  counts.counted = read_counter(counters->instructions, &counts.instructions) &&
                   read_counter(counters->cycles, &counts.cycles);
  if (!counts.counted && !*counters->why_not) give_up(counters, "the counters never ran");
  return counts;
}

void counters_close(const struct counters *counters) {
  if (counters->instructions >= 0) close(counters->instructions);
  if (counters->cycles >= 0) close(counters->cycles);
}
#else
struct counters counters_open(void) {
  struct counters counters = {.instructions = -1, .cycles = -1};
  snprintf(counters.why_not, sizeof counters.why_not, "instructions are counted on Linux only");
  return counters;
}

void counters_start(const struct counters *counters) { (void)counters; }

struct counts counters_stop(struct counters *counters) {
  (void)counters;
  return (struct counts){0};
}

void counters_close(const struct counters *counters) { (void)counters; }
#endif
