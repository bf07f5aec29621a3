/* Which op ran where and for how long, from LiteRT's own profiler.
 *
 * The profiler reports for each run, in order, which built-in kernels ran and which ops XNNPACK ran
 * inside its partitions, numbered from 0 in each partition. The partitions of the graph follow from
 * that. Profiling costs time and memory: nothing else should be measured in the same process.
 */
#ifndef TFLCONV_PROFILE_H
#define TFLCONV_PROFILE_H

#include "session.h"

#define PROFILE_MAX_NAME 64

struct op {
  char name[PROFILE_MAX_NAME];
  bool delegated;
  uint64_t index; /* in its partition if delegated, else node of the graph */
  uint64_t total_us;
};

struct profile {
  struct op *ops; /* in the order of execution */
  size_t count, capacity;
  size_t builtins, partitions;
  int runs;
};

/* Run the model `runs` times under the profiler; fails with EXIT_RUN. */
void profile_session(struct profile *profile, struct session *session, int runs);

/* Add the events of one run. */
void profile_add(struct profile *profile, const struct litert_event *events, size_t count);

/* Write the `ops` line of a model with `nodes` nodes. */
void profile_report(const struct profile *profile, size_t nodes);

void profile_free(struct profile *profile);

#endif
