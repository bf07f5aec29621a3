#include "accuracy.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"
#include "fail.h"
#include "json.h"

enum { FLOAT32 = 1, UINT8 = 3, INT16 = 7, INT8 = 9 };

static float clamp(float value, float low, float high) {
  return value < low ? low : value > high ? high : value;
}

void quantize(const struct tensor *tensor, float value, void *stored) {
  float steps = rintf(value / tensor->quantization.scale) + (float)tensor->quantization.zero_point;
  switch (tensor->type.element_type) {
    case FLOAT32: *(float *)stored = value; break;
    case UINT8: *(uint8_t *)stored = (uint8_t)clamp(steps, 0, 255); break;
    case INT8: *(int8_t *)stored = (int8_t)clamp(steps, -128, 127); break;
    case INT16: *(int16_t *)stored = (int16_t)clamp(steps, -32768, 32767); break;
  }
}

static double score(const struct tensor *tensor, const void *scores, size_t i) {
  switch (tensor->type.element_type) {
    case FLOAT32: return (double)((const float *)scores)[i];
    case UINT8: return ((const uint8_t *)scores)[i];
    case INT8: return ((const int8_t *)scores)[i];
    default: return ((const int16_t *)scores)[i];
  }
}

size_t argmax(const struct tensor *tensor, const void *scores, size_t count) {
  size_t best = 0;
  for (size_t i = 1; i < count; i++)
    if (score(tensor, scores, i) > score(tensor, scores, best)) best = i;
  return best;
}

bool all_finite(const struct tensor *tensor, const void *scores, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (!isfinite(score(tensor, scores, i))) return false;
  return true;
}

static bool is_known(const struct tensor *tensor) {
  int type = tensor->type.element_type;
  bool scaled = tensor->quantization.scale > 0;
  return type == FLOAT32 || (scaled && (type == UINT8 || type == INT8 || type == INT16));
}

static void check_fit(const struct session *session, const struct testset *testset) {
  const struct tensor *input = &session->inputs[0], *output = &session->outputs[0];
  if (session->input_count != 1 || session->output_count != 1)
    fail(EXIT_INPUT, "accuracy needs one input and one output. Received: %zu and %zu",
         session->input_count, session->output_count);
  if (!is_known(input) || !is_known(output))
    fail(EXIT_INPUT, "accuracy needs float32 or quantized tensors. Received: %s and %s",
         litert_type_name(input->type.element_type), litert_type_name(output->type.element_type));
  if (tensor_elements(input) != testset_picture_bytes(testset))
    fail(EXIT_INPUT, "the model takes %zu values. Received: pictures of %ux%ux%u",
         tensor_elements(input), testset->height, testset->width, testset->channels);
  if (tensor_elements(output) != testset->classes)
    fail(EXIT_INPUT, "the model has %zu classes. Received: a test set of %u",
         tensor_elements(output), testset->classes);
}

/* The stored input for each pixel value of each channel. */
static char *stored_values(const struct tensor *input, const struct testset *testset) {
  size_t width = litert_type_bytes(input->type.element_type), count = testset->channels * 256u;
  char *stored = must_alloc(malloc(count * width));
  for (size_t i = 0; i < count; i++) quantize(input, testset->values[i], stored + i * width);
  return stored;
}

static void fill(char *input, size_t width, const char *stored, const struct testset *testset,
                 const uint8_t *pixels) {
  size_t size = testset_picture_bytes(testset), channels = testset->channels;
  for (size_t i = 0; i < size; i++)
    memcpy(input + i * width, stored + (i % channels * 256 + pixels[i]) * width, width);
}

static void count(struct accuracy *accuracy, uint16_t label, size_t predicted) {
  accuracy->class_total[label]++;
  accuracy->class_correct[label] += predicted == label;
  accuracy->correct += predicted == label;
}

static void evaluate(struct accuracy *accuracy, struct session *session,
                     const struct testset *testset) {
  const struct tensor *input = &session->inputs[0], *output = &session->outputs[0];
  size_t width = litert_type_bytes(input->type.element_type), size = testset_picture_bytes(testset);
  char *stored = stored_values(input, testset);
  char *picture = must_alloc(malloc(input->bytes)), *scores = must_alloc(malloc(output->bytes));
  for (uint32_t i = 0; i < testset->count; i++) {
    fill(picture, width, stored, testset, testset->pixels + i * size);
    session_write(session, 0, picture);
    session_run(session);
    session_read(session, 0, scores);
    accuracy->predicted[i] = argmax(output, scores, testset->classes);
    accuracy->not_finite += !all_finite(output, scores, testset->classes);
    accuracy->digest = digest_add(accuracy->digest, scores, output->bytes);
    count(accuracy, testset->labels[i], (size_t)accuracy->predicted[i]);
  }
  free(stored);
  free(picture);
  free(scores);
}

struct accuracy accuracy_of(struct session *session, const struct testset *testset,
                            const struct clock *clock) {
  check_fit(session, testset);
  struct accuracy accuracy = {
      .class_correct = must_alloc(calloc(testset->classes, sizeof(uint32_t))),
      .class_total = must_alloc(calloc(testset->classes, sizeof(uint32_t))),
      .predicted = must_alloc(calloc(testset->count, sizeof(uint64_t))),
      .digest = DIGEST_START,
  };
  uint64_t began = clock_now(clock);
  evaluate(&accuracy, session, testset);
  accuracy.wall_ns = clock_now(clock) - began;
  return accuracy;
}

static void report_classes(struct json *line, const struct accuracy *accuracy,
                           const struct testset *testset) {
  json_open(line, "per_class", '[');
  for (uint32_t i = 0; i < testset->classes; i++) {
    json_open(line, NULL, '[');
    json_uint(line, NULL, accuracy->class_correct[i]);
    json_uint(line, NULL, accuracy->class_total[i]);
    json_close(line, ']');
  }
  json_close(line, ']');
}

void accuracy_report(const struct accuracy *accuracy, const struct testset *testset) {
  struct json line;
  json_begin(&line, "accuracy");
  json_uint(&line, "total", testset->count);
  json_uint(&line, "correct", accuracy->correct);
  json_uint(&line, "not_finite", accuracy->not_finite);
  report_classes(&line, accuracy, testset);
  json_hash(&line, "digest", accuracy->digest);
  json_uint(&line, "wall_ns", accuracy->wall_ns);
  json_uints(&line, "predicted", accuracy->predicted, testset->count);
  must_write(&line);
}

void accuracy_free(struct accuracy *accuracy) {
  free(accuracy->class_correct);
  free(accuracy->class_total);
  free(accuracy->predicted);
}
