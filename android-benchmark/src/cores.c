#include "cores.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "system.h"
#include "text.h"

static const char *const SYSFS = "/sys/devices/system/cpu";

static long read_number(const char *sysfs, int core, const char *file) {
  char path[256], text[32];
  snprintf(path, sizeof path, "%s/cpu%d/%s", sysfs, core, file);
  return text_read(path, text, sizeof text) ? strtol(text, NULL, 10) : 0;
}

/* Relative speed; 0 where the system does not report it, so that all cores are equal. */
static long speed(const char *sysfs, int core) {
  long capacity = read_number(sysfs, core, "cpu_capacity");
  return capacity ? capacity : read_number(sysfs, core, "cpufreq/cpuinfo_max_freq");
}

static bool has(uint64_t mask, int core) { return mask >> core & 1; }

static int count_faster(const long *speeds, uint64_t available, long than) {
  int count = 0;
  for (int core = 0; core < CORES_MAX; core++) count += has(available, core) && speeds[core] > than;
  return count;
}

uint64_t cores_big(const char *sysfs, uint64_t available, int threads) {
  long speeds[CORES_MAX] = {0};
  uint64_t mask = 0;
  for (int core = 0; core < CORES_MAX; core++)
    if (has(available, core)) speeds[core] = speed(sysfs, core);
  for (int core = 0; core < CORES_MAX; core++)
    if (has(available, core) && count_faster(speeds, available, speeds[core]) < threads)
      mask |= UINT64_C(1) << core;
  return mask;
}

uint64_t cores_available(void) {
  uint64_t mask;
  if (!system_allowed_cores(&mask))
    fail(EXIT_SYSTEM, "cannot read which CPU cores are allowed: %s", strerror(errno));
  return mask;
}

size_t cores_khz(uint64_t mask, uint64_t *khz) {
  size_t count = 0;
  for (int core = 0; core < CORES_MAX; core++)
    if (has(mask, core))
      khz[count++] = (uint64_t)read_number(SYSFS, core, "cpufreq/scaling_cur_freq");
  return count;
}

static uint64_t parse_mask(const char *text) {
  char *end;
  errno = 0;
  uint64_t mask = strtoull(text, &end, 16);
  if (end == text || *end || errno || mask == 0)
    fail(EXIT_USAGE, "--cpu_mask: expected big, all or a mask such as 0xf0. Received: '%s'", text);
  return mask;
}

static uint64_t wanted_mask(const char *wanted, uint64_t available, int threads) {
  if (strcmp(wanted, "all") == 0) return available;
  if (strcmp(wanted, "big") == 0) return cores_big(SYSFS, available, threads);
  return parse_mask(wanted);
}

struct cores cores_pin(const char *wanted, int threads) {
  uint64_t available = cores_available();
  if (*wanted == '\0') return (struct cores){.mask = available};
  uint64_t mask = wanted_mask(wanted, available, threads) & available;
  if (mask && system_pin(mask)) return (struct cores){.mask = cores_available()};
  if (!system_pin(cores_big(SYSFS, cores_available(), threads)))
    fail(EXIT_SYSTEM, "cannot choose CPU cores: %s", strerror(errno));
  return (struct cores){.mask = cores_available(), .chosen_again = true};
}
