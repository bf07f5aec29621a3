#include "check.h"
#include "fail.h"
#include "profile.h"

#define XNN(number, us)                                                                            \
  {                                                                                                \
    .tag = "Convolution", .event_type = LITERT_DELEGATE_OP, .elapsed_us = us, .metadata = {number} \
  }
#define OWN(number, us)                                                                       \
  {                                                                                           \
    .tag = "SOFTMAX", .event_type = LITERT_BUILTIN_OP, .elapsed_us = us, .metadata = {number} \
  }
#define NOISE {.tag = "Invoke", .event_type = 32, .elapsed_us = 4294967296}

static void few_events(void *unused) {
  (void)unused;
  struct litert_event events[1 + LITERT_SPARE] = {{.tag = "x", .event_type = 2}};
  events[1].source = 1; /* a larger struct spilled over */
  litert_check_events(events, 1);
}

static void ops_are_summed_over_runs_and_partitions_counted(void) {
  const struct litert_event run[] = {NOISE,      XNN(0, 10), XNN(1, 20), OWN(2, 5),
                                     XNN(0, 30), XNN(0, 40), NOISE};
  struct profile profile = {0};
  profile_add(&profile, run, 7);
  profile_add(&profile, run, 7);
  CHECK(profile.runs == 2 && profile.count == 5);
  CHECK(profile.builtins == 1 && profile.partitions == 3);
  CHECK(profile.ops[0].total_us == 20 && profile.ops[4].total_us == 80);
  CHECK_TEXT(profile.ops[2].name, "SOFTMAX");
  CHECK(!profile.ops[2].delegated && profile.ops[3].delegated);

  const struct litert_event longer[] = {XNN(0, 1), XNN(1, 1), OWN(2, 1),
                                        XNN(0, 1), XNN(0, 1), OWN(3, 1)};
  profile_add(&profile, longer, 6); /* an op more than ever before is not counted anywhere */
  CHECK(profile.count == 5 && profile.ops[0].total_us == 21);
  profile_free(&profile);
}

static void another_layout_of_events_is_noticed(void) {
  CHECK(exit_code_of(few_events, NULL) == EXIT_RUNTIME);
}

int main(void) {
  RUN(ops_are_summed_over_runs_and_partitions_counted);
  RUN(another_layout_of_events_is_noticed);
  return check_result();
}
