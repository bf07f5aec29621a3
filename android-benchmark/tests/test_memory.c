#include "check.h"
#include "memory.h"

static const char *const STATUS =
    "Name:\tharness\nVmPeak:\t  999 kB\nVmHWM:\t    2048 kB\n"
    "VmRSS:\t    1024 kB\n";

static void fields_are_read_in_bytes(void) {
  CHECK(memory_field(STATUS, "VmHWM:") == 2048 * 1024);
  CHECK(memory_field(STATUS, "VmRSS:") == 1024 * 1024);
  CHECK(memory_field("", "VmRSS:") == 0);
}

static void a_block_shows_while_it_is_held_and_in_the_peak_after(void) {
  struct memory before = memory_now();
  CHECK(before.current_bytes > 0 && before.peak_bytes >= before.current_bytes);
  size_t size = 32 << 20;
  char *volatile block = malloc(size); /* volatile: or the compiler sees that nobody reads it */
  REQUIRE(block != NULL);
  memset(block, 1, size);
  CHECK(memory_now().current_bytes >= before.current_bytes + size / 2);
  free(block);
  CHECK(memory_now().peak_bytes >= before.current_bytes + size / 2);
}

int main(void) {
  RUN(fields_are_read_in_bytes);
  RUN(a_block_shows_while_it_is_held_and_in_the_peak_after);
  return check_result();
}
