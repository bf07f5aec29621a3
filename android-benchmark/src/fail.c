#include "fail.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void print(const char *text) {
  if (write(STDERR_FILENO, text, strlen(text)) < 0) return; /* stderr is closed: nobody reads it */
}

static void print_message(const char *message) {
  print("harness: ");
  print(message);
  print("\n");
}

void fail(enum exit_code code, const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  print_message(message);

  struct json line;
  json_begin(&line, "error");
  json_int(&line, "code", code);
  json_string(&line, "message", message);
  (void)json_write(&line); /* the exit code is all that is left if this fails */
  exit(code);
}

void note(const char *format, ...) {
  char message[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  print_message(message);
}

void *must_alloc(void *pointer) {
  if (pointer == NULL) fail(EXIT_SYSTEM, "out of memory");
  return pointer;
}

void must_write(struct json *line) {
  if (json_write(line)) return;
  note("cannot write to stdout: %s", strerror(errno));
  exit(EXIT_SYSTEM); /* not fail(): its line would go to the same stdout */
}
