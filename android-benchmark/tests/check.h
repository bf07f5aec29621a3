/* As much of a test framework as is needed. */
#ifndef TFLCONV_CHECK_H
#define TFLCONV_CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition)                                                    \
  do {                                                                      \
    if (!(condition)) {                                                     \
      fprintf(stderr, "%s:%d: %s is false\n", __FILE__, __LINE__, #condition); \
      exit(1);                                                              \
    }                                                                       \
  } while (0)

#define CHECK_TEXT(actual, expected)                                                          \
  do {                                                                                        \
    const char *got = (actual), *want = (expected);                                           \
    if (strcmp(got, want) != 0) {                                                             \
      fprintf(stderr, "%s:%d:\nexpected %s\nreceived %s\n", __FILE__, __LINE__, want, got);   \
      exit(1);                                                                                \
    }                                                                                         \
  } while (0)

/* Exit code of `function(argument)` run in a process of its own. */
static inline int exit_code_of(void (*function)(void *), void *argument) {
  int status = 0;
  fflush(NULL);
  pid_t child = fork();
  if (child == 0) {
    function(argument);
    _exit(0);
  }
  CHECK(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

#endif
