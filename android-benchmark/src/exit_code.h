/* The exit codes of the program; README.md has the same table. */
#ifndef TFLCONV_EXIT_CODE_H
#define TFLCONV_EXIT_CODE_H

enum exit_code {
  EXIT_USAGE = 2,    /* a flag is unknown or has no such value; other protocol version */
  EXIT_RUNTIME = 10, /* the LiteRT library is missing, too old or laid out otherwise */
  EXIT_MODEL = 11,   /* the model cannot be read or compiled */
  EXIT_RUN = 12,     /* an inference failed */
  EXIT_INPUT = 13,   /* an input file or test set does not fit the model */
  EXIT_SYSTEM = 14,  /* out of memory, no such CPU, output cannot be written */
};

#endif
