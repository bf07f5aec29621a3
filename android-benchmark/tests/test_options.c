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

static void refused(char **arguments) { CHECK(exit_code_of(parse, arguments) == EXIT_USAGE); }

int main(void) {
  char **few = (char *[]){"harness", "--graph=g.tflite", "--runtime=lib.so", NULL};
  struct options defaults = options_parse(3, few);
  CHECK_TEXT(defaults.graph, "g.tflite");
  CHECK(defaults.num_runs == 50 && defaults.num_threads == 1 && defaults.duty_cycle == 1);

  char **many = ARGUMENTS("--num_runs=7", "--run_delay=0.25", "--enable_op_profiling=true",
                          "--cpu_mask=big", "--input_file=a=b");
  struct options options = options_parse(count(many), many);
  CHECK(options.num_runs == 7 && options.run_delay == 0.25 && options.enable_op_profiling);
  CHECK_TEXT(options.cpu_mask, "big");
  CHECK_TEXT(options.input_file, "a=b");

  refused((char *[]){"harness", "--runtime=r", NULL});
  refused((char *[]){"harness", "--graph=g", NULL});
  refused(ARGUMENTS("--accelerator=npu"));
  refused(ARGUMENTS("--nonsense=1"));
  refused(ARGUMENTS("--num_run=1"));
  refused(ARGUMENTS("num_runs=1"));
  refused(ARGUMENTS("--num_runs"));
  refused(ARGUMENTS("--num_runs="));
  refused(ARGUMENTS("--num_runs=1.5"));
  refused(ARGUMENTS("--num_runs=-1"));
  refused(ARGUMENTS("--num_runs=1e99"));
  refused(ARGUMENTS("--min_secs=nan"));
  refused(ARGUMENTS("--duty_cycle=0"));
  refused(ARGUMENTS("--enable_op_profiling=yes"));
  return 0;
}
