/* The inputs of the model (the same pseudo-random numbers every time, or a file) and its outputs.
 */
#ifndef TFLCONV_INPUT_H
#define TFLCONV_INPUT_H

#include "session.h"

/* Fill every input: floats in [-1, 1), integers over their whole range, from `seed`. */
void input_random(struct session *session, uint64_t seed);

/* Fill all inputs, one after the other, from the raw bytes of the file at `path`. */
void input_from_file(struct session *session, const char *path);

/* Write the raw bytes of all outputs, one after the other, to the file at `path`. */
void output_to_file(struct session *session, const char *path);

/* FNV-1a of the raw bytes of all outputs. */
uint64_t output_digest(struct session *session);

/* Read the whole file; the caller frees it. Fails with EXIT_INPUT. */
void *input_read_file(const char *path, size_t *size);

#endif
