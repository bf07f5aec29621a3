/* A packed test set: pictures and labels in one file, the same for every recipe of a model.
 *
 * Little-endian:
 *   char     magic[8]            "tflctest"
 *   uint32_t version             1
 *   uint32_t count, height, width, channels, classes
 *   float    values[channels][256]   the model's input for each pixel value: its normalization
 *   uint16_t labels[count]       padded with zeros to a multiple of 4 bytes
 *   uint8_t  pixels[count][height][width][channels]
 */
#ifndef TFLCONV_TESTSET_H
#define TFLCONV_TESTSET_H

#include <stddef.h>
#include <stdint.h>

#define TESTSET_VERSION 1

struct testset {
  uint32_t count, height, width, channels, classes;
  const float *values;
  const uint16_t *labels;
  const uint8_t *pixels;
  void *content;
};

/* Read and check the file; fails with EXIT_INPUT. */
struct testset testset_open(const char *path);
void testset_close(struct testset *testset);

size_t testset_picture_bytes(const struct testset *testset);

#endif
