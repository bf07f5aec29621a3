#include "options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "abi.h"
#include "fail.h"

enum kind { TEXT, WHOLE, REAL, TRUTH };

#define FIELD(name) offsetof(struct options, name)

static const struct flag {
  const char *name;
  enum kind kind;
  size_t field;
  double low, high;
  const char *help;
} flags[] = {
    {"protocol", WHOLE, FIELD(protocol), 0, INT_MAX,
     "protocol that the caller speaks; --version names this one's"},
    {"graph", TEXT, FIELD(graph), 0, 0, "the .tflite model"},
    {"runtime", TEXT, FIELD(runtime), 0, 0, "the LiteRT library"},
    {"num_runs", WHOLE, FIELD(num_runs), 0, INT_MAX, "steady runs at least"},
    {"min_secs", REAL, FIELD(min_secs), 0, 86400, "seconds of steady runs at least"},
    {"max_secs", REAL, FIELD(max_secs), 0, 86400, "seconds of steady runs at most"},
    {"max_samples", WHOLE, FIELD(max_samples), 0, INT_MAX,
     "durations to keep, after which steady runs end unless they are reported; 0: all"},
    {"run_delay", REAL, FIELD(run_delay), 0, 3600, "seconds of rest after each run"},
    {"run_frequency", REAL, FIELD(run_frequency), 0, 1e6,
     "runs to start per second; 0: one after the other"},
    {"warmup_runs", WHOLE, FIELD(warmup_runs), 0, INT_MAX, "warmup runs at least"},
    {"warmup_min_secs", REAL, FIELD(warmup_min_secs), 0, 3600, "seconds of warmup runs at least"},
    {"num_threads", WHOLE, FIELD(num_threads), 1, 1024, "threads of XNNPACK"},
    {"enable_op_profiling", TRUTH, FIELD(enable_op_profiling), 0, 1,
     "profile num_runs runs and time none"},
    {"accelerator", TEXT, FIELD(accelerator), 0, 0, "cpu or gpu"},
    {"cpu_mask", TEXT, FIELD(cpu_mask), 0, 0,
     "big, all or hex; empty leaves the choice to the system"},
    {"input_file", TEXT, FIELD(input_file), 0, 0, "raw bytes of all inputs, one after the other"},
    {"output_filepath", TEXT, FIELD(output_filepath), 0, 0,
     "file for the raw outputs of the first run"},
    {"test_set", TEXT, FIELD(test_set), 0, 0, "evaluate this packed test set and time none"},
    {"seed", WHOLE, FIELD(seed), 0, INT_MAX, "seed of the inputs, without input_file"},
    {"xnnpack_flags", WHOLE, FIELD(xnnpack_flags), 0, INT_MAX, "flags of the XNNPACK delegate"},
    {"weight_cache", TEXT, FIELD(weight_cache), 0, 0, "file of packed weights to write or to map"},
    {"duty_cycle", REAL, FIELD(duty_cycle), 0.01, 1, "share of the time at work"},
    {"burst_secs", REAL, FIELD(burst_secs), 0, 3600,
     "seconds of work after which duty_cycle rests; 0: after each run"},
    {"report_secs", REAL, FIELD(report_secs), 0, 3600, "seconds between reports; 0: one report"},
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
    .weight_cache = "",
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

static void say(const char *text) {
  if (write(STDOUT_FILENO, text, strlen(text)) < 0) exit(EXIT_SYSTEM);
}

static void say_flag(const struct flag *flag) {
  static const char *const values[] = {"TEXT", "N", "NUMBER", "true|false"};
  const void *field = (const char *)&defaults + flag->field;
  char line[256], value[32] = "";
  if (flag->kind == WHOLE && flag->field != FIELD(protocol))
    snprintf(value, sizeof value, " [%d]", *(const int *)field);
  if (flag->kind == REAL) snprintf(value, sizeof value, " [%g]", *(const double *)field);
  snprintf(line, sizeof line, "  --%s=%s\n      %s%s\n", flag->name, values[flag->kind], flag->help,
           value);
  say(line);
}

_Noreturn static void help(void) {
  say("Usage: harness --protocol=N --graph=FILE.tflite --runtime=libLiteRt.so [--NAME=VALUE]...\n\n"
      "Run a model through LiteRT and report as JSON lines what it costs. `tflconv bench` drives\n"
      "this program; README.md beside its sources explains what it prints.\n\n");
  for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) say_flag(&flags[i]);
  exit(0);
}

_Noreturn static void version(void) {
  char line[96];
  snprintf(line, sizeof line, "harness of tflconv, protocol %d, %s\n", PROTOCOL, ABI);
  say(line);
  exit(0);
}

static void parse_argument(struct options *options, const char *argument) {
  if (strcmp(argument, "--help") == 0) help();
  if (strcmp(argument, "--version") == 0) version();
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
  if (strpbrk(options->weight_cache, "\"\\\n"))
    fail(EXIT_USAGE, "--weight_cache: expected a path without quotes and backslashes");
}

struct options options_parse(int argc, char **argv) {
  struct options options = defaults;
  for (int i = 1; i < argc; i++) parse_argument(&options, argv[i]);
  check(&options);
  return options;
}
