#include <math.h>

#include "accuracy.h"
#include "check.h"
#include "digest.h"

static struct tensor tensor(int type, float scale, int64_t zero_point) {
  return (struct tensor){.type = {.element_type = type}, .quantization = {scale, zero_point}};
}

static int int8_of(float value) {
  struct tensor int8 = tensor(9, 0.5f, -3);
  int8_t stored;
  quantize(&int8, value, &stored);
  return stored;
}

static int uint8_of(float value) {
  struct tensor uint8 = tensor(3, 0.5f, 128);
  uint8_t stored;
  quantize(&uint8, value, &stored);
  return stored;
}

static void integers_are_rounded_to_even_and_saturate(void) {
  CHECK(int8_of(0) == -3);
  CHECK(int8_of(0.25f) == -3 && int8_of(0.75f) == -1); /* halves go to even */
  CHECK(int8_of(1e6f) == 127 && int8_of(-1e6f) == -128);
  CHECK(uint8_of(0) == 128 && uint8_of(-1e6f) == 0 && uint8_of(1e6f) == 255);
}

static void floats_stay_as_they_are(void) {
  struct tensor real = tensor(1, 0, 0);
  float stored;
  quantize(&real, 0.3f, &stored);
  CHECK(stored == 0.3f);
}

static void the_largest_score_is_found_in_every_type(void) {
  struct tensor real = tensor(1, 0, 0), int8 = tensor(9, 1, 0), uint8 = tensor(3, 1, 0);
  const float scores[] = {-1, 3, 3, 2};
  CHECK(argmax(&real, scores, 4) == 1); /* the first of equals */
  const int8_t small[] = {-128, -5, 127};
  CHECK(argmax(&int8, small, 3) == 2);
  const uint8_t whole[] = {200, 127, 0};
  CHECK(argmax(&uint8, whole, 3) == 0);
}

static void scores_that_are_no_numbers_are_seen(void) {
  struct tensor real = tensor(1, 0, 0), int8 = tensor(9, 1, 0);
  const float sound[] = {-1, 3.4e38f, 0}, none[] = {0, NAN, 1}, endless[] = {0, 1, -INFINITY};
  CHECK(all_finite(&real, sound, 3));
  CHECK(!all_finite(&real, none, 3) && !all_finite(&real, endless, 3));
  const int8_t small[] = {-128, 127};
  CHECK(all_finite(&int8, small, 2));
}

static void digests_are_those_that_were_published(void) {
  CHECK(digest_add(DIGEST_START, "", 0) == UINT64_C(0xcbf29ce484222325));
  CHECK(digest_add(DIGEST_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
  CHECK(digest_add(DIGEST_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
}

int main(void) {
  RUN(integers_are_rounded_to_even_and_saturate);
  RUN(floats_stay_as_they_are);
  RUN(the_largest_score_is_found_in_every_type);
  RUN(scores_that_are_no_numbers_are_seen);
  RUN(digests_are_those_that_were_published);
  return check_result();
}
