#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "text.h"

uint64_t memory_field(const char *status, const char *key) {
  const char *line = strstr(status, key);
  return line ? strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
}

struct memory memory_now(void) {
  char status[8192];
  if (!text_read("/proc/self/status", status, sizeof status)) return (struct memory){0};
  return (struct memory){.peak_bytes = memory_field(status, "VmHWM:"),
                         .current_bytes = memory_field(status, "VmRSS:")};
}
