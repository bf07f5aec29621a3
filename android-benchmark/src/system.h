/* What each operating system does in its own way; one file per system has it.
 *
 * Linux and Android can do all of it. macOS has no choice of cores, no end with the parent process
 * and no count of instructions: what is asked for there fails and says so.
 */
#ifndef TFLCONV_SYSTEM_H
#define TFLCONV_SYSTEM_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.h"

/* End with the parent process: nobody reads the output any more, and a core would stay busy. */
void system_end_with_parent(void);

/* The cores that this process may use, as a mask; false with errno if that cannot be told. */
bool system_allowed_cores(uint64_t *mask);

/* Use only the cores in `mask` from now on; false with errno if that cannot be. */
bool system_pin(uint64_t mask);

/* Sleep until the monotonic clock shows `when`, in nanoseconds. */
void system_sleep_until(uint64_t when);

/* Memory of this process; zeros where the system does not tell. */
struct memory system_memory(void);

#endif
