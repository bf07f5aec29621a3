#include "testset.h"

#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "input.h"

static const char MAGIC[8] = {'t', 'f', 'l', 'c', 't', 'e', 's', 't'};

struct header {
  char magic[8];
  uint32_t version, count, height, width, channels, classes;
};

size_t testset_picture_bytes(const struct testset *testset) {
  return (size_t)testset->height * testset->width * testset->channels;
}

static size_t values_bytes(const struct testset *testset) {
  return testset->channels * 256 * sizeof(float);
}

static size_t labels_bytes(const struct testset *testset) {
  return ((size_t)testset->count * sizeof(uint16_t) + 3) & ~(size_t)3;
}

static void check_header(const struct header *header, size_t size, const char *path) {
  if (size < sizeof *header || memcmp(header->magic, MAGIC, sizeof MAGIC) != 0)
    fail(EXIT_INPUT, "%s is not a packed test set", path);
  if (header->version != TESTSET_VERSION)
    fail(EXIT_INPUT, "%s: expected a test set of version %d. Received: %u", path, TESTSET_VERSION,
         header->version);
  if (!header->count || !header->height || !header->width || !header->channels ||
      header->channels > 4 || header->height > 8192 || header->width > 8192 ||
      header->count > 1u << 24 || header->classes > 65536)
    fail(EXIT_INPUT, "%s has a damaged header", path);
}

static void check_labels(const struct testset *testset, const char *path) {
  for (uint32_t i = 0; i < testset->count; i++)
    if (testset->labels[i] >= testset->classes)
      fail(EXIT_INPUT, "%s: picture %u has label %u of %u classes", path, i, testset->labels[i],
           testset->classes);
}

struct testset testset_open(const char *path) {
  size_t size;
  char *content = input_read_file(path, &size);
  const struct header *header = (const void *)content;
  check_header(header, size, path);
  struct testset testset = {.count = header->count,
                            .height = header->height,
                            .width = header->width,
                            .channels = header->channels,
                            .classes = header->classes,
                            .content = content};
  size_t values = sizeof *header, labels = values + values_bytes(&testset);
  size_t pixels = labels + labels_bytes(&testset);
  size_t expected = pixels + testset.count * testset_picture_bytes(&testset);
  if (size != expected)
    fail(EXIT_INPUT, "%s: expected %zu bytes. Received: %zu", path, expected, size);
  testset.values = (const void *)(content + values);
  testset.labels = (const void *)(content + labels);
  testset.pixels = (const void *)(content + pixels);
  check_labels(&testset, path);
  return testset;
}

void testset_close(struct testset *testset) { free(testset->content); }
