/* The only way to fail: a message for people, an `error` line for programs, an exit code. */
#ifndef TFLCONV_FAIL_H
#define TFLCONV_FAIL_H

#include "exit_code.h"
#include "json.h"

_Noreturn void fail(enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A message on stderr for people; nothing depends on it. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Return `pointer`; fail if it is NULL. */
void *must_alloc(void *pointer);

/* Write the line to stdout; end the program if that fails. */
void must_write(struct json *line);

#endif
