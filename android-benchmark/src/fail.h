/* The one way to give up: a message for people, an `error` line for programs, an exit code. */
#ifndef TFLCONV_FAIL_H
#define TFLCONV_FAIL_H

enum exit_code {
  EXIT_USAGE = 2,    /* a flag is unknown or has no such value; other protocol version */
  EXIT_RUNTIME = 10, /* the LiteRT library is missing, too old or laid out otherwise */
  EXIT_MODEL = 11,   /* the model cannot be read or compiled */
  EXIT_RUN = 12,     /* an inference failed */
  EXIT_INPUT = 13,   /* an input file or test set does not fit the model */
  EXIT_SYSTEM = 14,  /* out of memory, no such CPU, output cannot be written */
};

_Noreturn void fail(enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A message on stderr for people; nothing depends on it. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

void *must_alloc(void *pointer);

#endif
