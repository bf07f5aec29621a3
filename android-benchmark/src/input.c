#include "input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "digest.h"
#include "fail.h"

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t draw(uint64_t *state) {
  uint64_t z = *state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

static float draw_float(uint64_t *state) { return (float)((int64_t)draw(state) >> 40) * 0x1p-23f; }

static void fill_floats(float *values, size_t count, uint64_t *state) {
  for (size_t i = 0; i < count; i++) values[i] = draw_float(state);
}

static void fill_bytes(unsigned char *bytes, size_t count, uint64_t *state) {
  for (size_t i = 0; i < count; i++) bytes[i] = (unsigned char)(draw(state) >> 56);
}

void input_random(struct session *session, uint64_t seed) {
  uint64_t state = seed;
  for (size_t i = 0; i < session->input_count; i++) {
    struct tensor *tensor = &session->inputs[i];
    const char *type = litert_type_name(tensor->type.element_type);
    void *data = must_alloc(malloc(tensor->bytes));
    if (strcmp(type, "float32") == 0)
      fill_floats(data, tensor->bytes / sizeof(float), &state);
    else if (strcmp(type, "int8") == 0 || strcmp(type, "uint8") == 0 || strcmp(type, "int16") == 0)
      fill_bytes(data, tensor->bytes, &state);
    else /* class numbers, lengths: zero is the only value that is always valid */
      memset(data, 0, tensor->bytes);
    session_write(session, i, data);
    free(data);
  }
}

static void read_fully(int file, char *data, size_t size, const char *path) {
  for (size_t done = 0; done < size;) {
    ssize_t got = read(file, data + done, size - done);
    if (got <= 0)
      fail(EXIT_INPUT, "cannot read %s: %s", path, got ? strerror(errno) : "it became shorter");
    done += (size_t)got;
  }
}

void *input_read_file(const char *path, size_t *size) {
  struct stat status;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0)
    fail(EXIT_INPUT, "cannot read %s: %s", path, strerror(errno));
  *size = (size_t)status.st_size;
  char *data = must_alloc(malloc(*size + 1));
  read_fully(file, data, *size, path);
  close(file);
  return data;
}

void input_from_file(struct session *session, const char *path) {
  size_t size, expected = 0;
  char *data = input_read_file(path, &size), *at = data;
  for (size_t i = 0; i < session->input_count; i++) expected += session->inputs[i].bytes;
  if (size != expected)
    fail(EXIT_INPUT, "%s: the model's inputs take %zu bytes. Received: %zu", path, expected, size);
  for (size_t i = 0; i < session->input_count; at += session->inputs[i++].bytes)
    session_write(session, i, at);
  free(data);
}

static void write_fully(int file, const char *data, size_t size, const char *path) {
  for (size_t done = 0; done < size;) {
    ssize_t wrote = write(file, data + done, size - done);
    if (wrote <= 0) fail(EXIT_SYSTEM, "cannot write %s: %s", path, strerror(errno));
    done += (size_t)wrote;
  }
}

/* The bytes of an output; the caller frees them. */
static void *take_output(struct session *session, size_t output) {
  void *data = must_alloc(malloc(session->outputs[output].bytes));
  session_read(session, output, data);
  return data;
}

void output_to_file(struct session *session, const char *path) {
  int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) fail(EXIT_SYSTEM, "cannot write %s: %s", path, strerror(errno));
  for (size_t i = 0; i < session->output_count; i++) {
    char *data = take_output(session, i);
    write_fully(file, data, session->outputs[i].bytes, path);
    free(data);
  }
  if (close(file) != 0) fail(EXIT_SYSTEM, "cannot write %s: %s", path, strerror(errno));
}

uint64_t output_digest(struct session *session) {
  uint64_t digest = DIGEST_START;
  for (size_t i = 0; i < session->output_count; i++) {
    char *data = take_output(session, i);
    digest = digest_add(digest, data, session->outputs[i].bytes);
    free(data);
  }
  return digest;
}
