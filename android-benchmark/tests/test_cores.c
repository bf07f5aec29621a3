/* The choice of cores on a made-up phone: 0-3 small, 4-6 big, 7 biggest. */
#include <sys/stat.h>

#include "check.h"
#include "cores.h"

static void put(const char *root, int core, const char *file, long value) {
  char path[512];
  snprintf(path, sizeof path, "%s/cpu%d", root, core);
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/cpu%d/cpufreq", root, core);
  mkdir(path, 0755);
  snprintf(path, sizeof path, "%s/cpu%d/%s", root, core, file);
  FILE *stream = fopen(path, "w");
  REQUIRE(stream != NULL);
  fprintf(stream, "%ld\n", value);
  fclose(stream);
}

static void draw_phone(char *phone) {
  REQUIRE(mkdtemp(phone));
  for (int core = 0; core < 8; core++)
    put(phone, core, "cpufreq/cpuinfo_max_freq", core < 4 ? 1800000 : core < 7 ? 2400000 : 2800000);
}

static void big_cores_are_the_fastest_that_threads_fill(void) {
  char phone[] = "/tmp/coresXXXXXX";
  draw_phone(phone);
  CHECK(cores_big(phone, 0xff, 1) == 0x80);
  CHECK(cores_big(phone, 0xff, 2) == 0xf0);
  CHECK(cores_big(phone, 0xff, 4) == 0xf0);
  CHECK(cores_big(phone, 0xff, 5) == 0xff);
  CHECK(cores_big(phone, 0x7f, 1) == 0x70); /* the biggest is off */
  CHECK(cores_big(phone, 0x0f, 1) == 0x0f); /* only the small ones are allowed */
}

static void capacity_goes_before_frequency(void) {
  char phone[] = "/tmp/coresXXXXXX";
  draw_phone(phone);
  put(phone, 2, "cpu_capacity", 5000000);
  CHECK(cores_big(phone, 0xff, 1) == 0x04);
}

static void all_are_big_where_the_system_does_not_say(void) {
  char bare[] = "/tmp/coresXXXXXX";
  REQUIRE(mkdtemp(bare));
  CHECK(cores_big(bare, 0x0f, 1) == 0x0f);
}

static void threads_stay_on_the_cores_there_are(void) {
  uint64_t available = cores_available();
  CHECK(available != 0);
  CHECK(cores_pin("", 1).mask == available);
  CHECK(cores_pin("all", 1).mask == available);
  CHECK(!cores_pin("big", 1).chosen_again);
}

static void cores_that_are_not_there_are_chosen_again(void) {
  struct cores again = cores_pin("0x8000000000000000", 1);
  CHECK(again.chosen_again && again.mask != 0);
}

int main(void) {
  RUN(big_cores_are_the_fastest_that_threads_fill);
  RUN(capacity_goes_before_frequency);
  RUN(all_are_big_where_the_system_does_not_say);
  RUN(threads_stay_on_the_cores_there_are);
  RUN(cores_that_are_not_there_are_chosen_again);
  return check_result();
}
