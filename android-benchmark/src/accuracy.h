/* Top-1 accuracy of the model on a packed test set. */
#ifndef TFLCONV_ACCURACY_H
#define TFLCONV_ACCURACY_H

#include "clock.h"
#include "session.h"
#include "testset.h"

struct accuracy {
  uint32_t correct;
  uint32_t *class_correct, *class_total; /* [classes] */
  uint64_t *predicted;                   /* [count], the class with the highest score */
  uint32_t not_finite;                   /* pictures with a score that is NaN or infinite */
  uint64_t digest;                       /* of all output bytes in order */
  uint64_t wall_ns;
};

/* Run every picture; fails with EXIT_INPUT if pictures and model do not fit each other. */
struct accuracy accuracy_of(struct session *session, const struct testset *testset,
                            const struct clock *clock);

/* Write the `accuracy` line. */
void accuracy_report(const struct accuracy *accuracy, const struct testset *testset);
void accuracy_free(struct accuracy *accuracy);

/* What the tensor stores for the real number `value`: steps of its scale, rounded half to even,
 * saturated. For float tensors `stored` gets the number itself. Integers of 1 or 2 bytes only. */
void quantize(const struct tensor *tensor, float value, void *stored);

/* Index of the first highest score. */
size_t argmax(const struct tensor *tensor, const void *scores, size_t count);

/* Whether no score is NaN or infinite, which only floats can be. */
bool all_finite(const struct tensor *tensor, const void *scores, size_t count);

#endif
