/* Memory of this process, in bytes, as the kernel counts it. */
#ifndef TFLCONV_MEMORY_H
#define TFLCONV_MEMORY_H

#include <stdint.h>

struct memory {
  uint64_t peak_bytes;    /* VmHWM */
  uint64_t current_bytes; /* VmRSS */
};

struct memory memory_now(void);

/* The value of `key` (with its colon) in the text of /proc/PID/status, in bytes; 0 if absent. */
uint64_t memory_field(const char *status, const char *key);

#endif
