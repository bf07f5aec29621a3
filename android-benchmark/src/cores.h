/* Which CPU cores to run on.
 *
 * A phone has cores of several speeds, and a run that moves between them gives meaningless times.
 * `big` means the fastest cores: one per thread, and all others that are as fast as the slowest of
 * these. Cores go offline and online (hotplug, cpusets of sleeping phones), so the choice is made
 * among those that are available now.
 */
#ifndef TFLCONV_CORES_H
#define TFLCONV_CORES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORES_MAX 64

struct cores {
  uint64_t mask;     /* the cores that the process may use from now on */
  bool chosen_again; /* the requested cores are not available */
};

/* The mask of `big`: the fastest of the cores in `available` for `threads` threads. `sysfs` is
 * normally /sys/devices/system/cpu. */
uint64_t cores_big(const char *sysfs, uint64_t available, int threads);

/* Cores this process may use, as the kernel says now. */
uint64_t cores_available(void);

/* Present frequency of each core in `mask`, lowest number first, in kHz, 0 where unreadable;
 * returns how many were written to `khz` [CORES_MAX]. */
size_t cores_khz(uint64_t mask, uint64_t *khz);

/* Pin to `wanted`: "" (leave as is), "all", "big" or a mask such as 0xf0; fails on other text. */
struct cores cores_pin(const char *wanted, int threads);

#endif
