/* A small test framework: a case is a named function, and a check that is false is reported and
 * counted, so that the checks after it still run.
 *
 *   static void sums_are_right(void) { CHECK(1 + 1 == 2); }
 *   int main(void) {
 *     RUN(sums_are_right);
 *     return check_result();
 *   }
 */
#ifndef TFLCONV_CHECK_H
#define TFLCONV_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
  const char *name; /* of the case that runs */
  int false_checks; /* in that case */
  int cases, failed;
} check;

/* Report a false condition and go on. */
#define CHECK(condition)                            \
  do {                                              \
    if (!(condition)) {                             \
      check_report(__FILE__, __LINE__);             \
      fprintf(stderr, "%s is false\n", #condition); \
    }                                               \
  } while (0)

#define CHECK_TEXT(actual, expected)                              \
  do {                                                            \
    const char *got = (actual), *want = (expected);               \
    if (strcmp(got, want) != 0) {                                 \
      check_report(__FILE__, __LINE__);                           \
      fprintf(stderr, "\nexpected %s\nreceived %s\n", want, got); \
    }                                                             \
  } while (0)

/* Report a false condition and end the program: the following lines need it. */
#define REQUIRE(condition)                                               \
  do {                                                                   \
    if (!(condition)) {                                                  \
      check_report(__FILE__, __LINE__);                                  \
      fprintf(stderr, "%s is false, the rest is not run\n", #condition); \
      exit(1);                                                           \
    }                                                                    \
  } while (0)

#define RUN(function) check_run(#function, function)

static inline void check_report(const char *file, int line) {
  check.false_checks++;
  fprintf(stderr, "%s:%d: %s: ", file, line, check.name ? check.name : "before the first case");
}

static inline void check_run(const char *name, void (*function)(void)) {
  check.name = name;
  check.false_checks = 0;
  function();
  check.cases++;
  check.failed += check.false_checks > 0;
  fprintf(stderr, "%s %s\n", check.false_checks ? "FAILED" : "ok", name);
}

/* Return the exit code for main: 0 only if there were cases and all of their checks were true. */
static inline int check_result(void) {
  fprintf(stderr, "%d of %d cases failed\n", check.failed, check.cases);
  return check.failed > 0 || check.cases == 0;
}

/* Exit code of `function(argument)` run in a process of its own. */
static inline int exit_code_of(void (*function)(void *), void *argument) {
  int status = 0;
  fflush(NULL);
  pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    function(argument);
    _exit(0);
  }
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
