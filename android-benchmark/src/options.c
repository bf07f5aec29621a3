#include "options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"

enum kind { TEXT, WHOLE, REAL, TRUTH };

#define FIELD(name) offsetof(struct options, name)

static const struct flag {
  const char *name;
  enum kind kind;
  size_t field;
  double low, high;
} flags[] = {
    {"protocol", WHOLE, FIELD(protocol), 0, INT_MAX},
    {"graph", TEXT, FIELD(graph), 0, 0},
    {"runtime", TEXT, FIELD(runtime), 0, 0},
    {"num_runs", WHOLE, FIELD(num_runs), 0, INT_MAX},
    {"min_secs", REAL, FIELD(min_secs), 0, 86400},
    {"max_secs", REAL, FIELD(max_secs), 0, 86400},
    {"run_delay", REAL, FIELD(run_delay), 0, 3600},
    {"run_frequency", REAL, FIELD(run_frequency), 0, 1e6},
    {"warmup_runs", WHOLE, FIELD(warmup_runs), 0, INT_MAX},
    {"warmup_min_secs", REAL, FIELD(warmup_min_secs), 0, 3600},
    {"num_threads", WHOLE, FIELD(num_threads), 1, 1024},
    {"enable_op_profiling", TRUTH, FIELD(enable_op_profiling), 0, 1},
    {"accelerator", TEXT, FIELD(accelerator), 0, 0},
    {"cpu_mask", TEXT, FIELD(cpu_mask), 0, 0},
    {"input_file", TEXT, FIELD(input_file), 0, 0},
    {"output_filepath", TEXT, FIELD(output_filepath), 0, 0},
    {"test_set", TEXT, FIELD(test_set), 0, 0},
    {"seed", WHOLE, FIELD(seed), 0, INT_MAX},
    {"xnnpack_flags", WHOLE, FIELD(xnnpack_flags), 0, INT_MAX},
    {"duty_cycle", REAL, FIELD(duty_cycle), 0.01, 1},
    {"burst_secs", REAL, FIELD(burst_secs), 0, 3600},
    {"report_secs", REAL, FIELD(report_secs), 0, 3600},
};

static const struct options defaults = {
    .protocol = -1,
    .num_runs = 50,
    .min_secs = 1,
    .max_secs = 150,
    .warmup_runs = 1,
    .warmup_min_secs = 0.5,
    .num_threads = 1,
    .accelerator = "cpu",
    .cpu_mask = "",
    .duty_cycle = 1,
};

static const struct flag *find_flag(const char *argument, size_t length) {
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
    if (strlen(flags[i].name) == length && memcmp(flags[i].name, argument, length) == 0)
      return &flags[i];
  return NULL;
}

static double number(const struct flag *flag, const char *text) {
  char *end;
  errno = 0;
  double value = strtod(text, &end);
  bool whole = flag->kind != WHOLE || value == floor(value);
  if (end == text || *end || errno || !whole || !(flag->low <= value && value <= flag->high))
    fail(EXIT_USAGE, "--%s: expected a %snumber from %g to %g. Received: '%s'", flag->name,
         flag->kind == WHOLE ? "whole " : "", flag->low, flag->high, text);
  return value;
}

static bool truth(const struct flag *flag, const char *text) {
  if (strcmp(text, "true") == 0) return true;
  if (strcmp(text, "false") == 0) return false;
  fail(EXIT_USAGE, "--%s: expected true or false. Received: '%s'", flag->name, text);
}

static void set(struct options *options, const struct flag *flag, const char *text) {
  void *field = (char *)options + flag->field;
  switch (flag->kind) {
    case TEXT: *(const char **)field = text; break;
    case WHOLE: *(int *)field = (int)number(flag, text); break;
    case REAL: *(double *)field = number(flag, text); break;
    case TRUTH: *(bool *)field = truth(flag, text); break;
  }
}

static void parse_argument(struct options *options, const char *argument) {
  const char *equals = strchr(argument, '=');
  if (strncmp(argument, "--", 2) != 0 || equals == NULL)
    fail(EXIT_USAGE, "expected --name=value. Received: '%s'", argument);
  const struct flag *flag = find_flag(argument + 2, (size_t)(equals - argument - 2));
  if (flag == NULL) fail(EXIT_USAGE, "unknown flag '%.*s'", (int)(equals - argument), argument);
  set(options, flag, equals + 1);
}

static void check(const struct options *options) {
  if (options->graph == NULL) fail(EXIT_USAGE, "--graph=FILE.tflite is missing");
  if (options->runtime == NULL) fail(EXIT_USAGE, "--runtime=libLiteRt.so is missing");
  if (strcmp(options->accelerator, "cpu") != 0 && strcmp(options->accelerator, "gpu") != 0)
    fail(EXIT_USAGE, "--accelerator: expected cpu or gpu. Received: '%s'", options->accelerator);
}

struct options options_parse(int argc, char **argv) {
  struct options options = defaults;
  for (int i = 1; i < argc; i++) parse_argument(&options, argv[i]);
  check(&options);
  return options;
}
