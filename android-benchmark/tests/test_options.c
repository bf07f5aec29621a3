#include "check.h"
#include "fail.h"
#include "options.h"

#define ARGUMENTS(...) ((char *[]){"harness", "--graph=g", "--runtime=r", __VA_ARGS__, NULL})

static int count(char **arguments) {
  int n = 0;
  while (arguments[n]) n++;
  return n;
}

static void parse(void *arguments) { options_parse(count(arguments), arguments); }

#define REFUSED(...) CHECK(exit_code_of(parse, (__VA_ARGS__)) == EXIT_USAGE)

static void what_is_not_said_has_a_default(void) {
  char **few = (char *[]){"harness", "--graph=g.tflite", "--runtime=lib.so", NULL};
  struct options defaults = options_parse(3, few);
  CHECK_TEXT(defaults.graph, "g.tflite");
  CHECK(defaults.num_runs == 50 && defaults.num_threads == 1 && defaults.duty_cycle == 1);
}

static void flags_are_read_as_their_types(void) {
  char **many = ARGUMENTS("--num_runs=7", "--run_delay=0.25", "--enable_op_profiling=true",
                          "--cpu_mask=big", "--input_file=a=b");
  struct options options = options_parse(count(many), many);
  CHECK(options.num_runs == 7 && options.run_delay == 0.25 && options.enable_op_profiling);
  CHECK_TEXT(options.cpu_mask, "big");
  CHECK_TEXT(options.input_file, "a=b");
}

static void a_model_and_a_runtime_must_be_named(void) {
  REFUSED((char *[]){"harness", "--runtime=r", NULL});
  REFUSED((char *[]){"harness", "--graph=g", NULL});
}

static void unknown_flags_are_refused(void) {
  REFUSED(ARGUMENTS("--accelerator=npu"));
  REFUSED(ARGUMENTS("--nonsense=1"));
  REFUSED(ARGUMENTS("--num_run=1"));
  REFUSED(ARGUMENTS("num_runs=1"));
}

static void values_that_make_no_sense_are_refused(void) {
  REFUSED(ARGUMENTS("--num_runs"));
  REFUSED(ARGUMENTS("--num_runs="));
  REFUSED(ARGUMENTS("--num_runs=1.5"));
  REFUSED(ARGUMENTS("--num_runs=-1"));
  REFUSED(ARGUMENTS("--num_runs=1e99"));
  REFUSED(ARGUMENTS("--min_secs=nan"));
  REFUSED(ARGUMENTS("--duty_cycle=0"));
  REFUSED(ARGUMENTS("--enable_op_profiling=yes"));
  REFUSED(ARGUMENTS("--weight_cache=a\"b"));
}

int main(void) {
  RUN(what_is_not_said_has_a_default);
  RUN(flags_are_read_as_their_types);
  RUN(a_model_and_a_runtime_must_be_named);
  RUN(unknown_flags_are_refused);
  RUN(values_that_make_no_sense_are_refused);
  return check_result();
}
