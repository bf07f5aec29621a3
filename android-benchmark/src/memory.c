#include "memory.h"

#include <stdlib.h>
#include <string.h>

#include "system.h"

uint64_t memory_field(const char *status, const char *key) {
  const char *line = strstr(status, key);
  return line ? strtoull(line + strlen(key), NULL, 10) * 1024 : 0;
}

struct memory memory_now(void) { return system_memory(); }
