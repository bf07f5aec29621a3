#include "profile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fail.h"
#include "json.h"

static bool is_op(const struct litert_event *event) {
  return event->event_type == LITERT_BUILTIN_OP || event->event_type == LITERT_DELEGATE_OP;
}

static bool starts_partition(const struct profile *profile, const struct op *op) {
  const struct op *previous = profile->count ? &profile->ops[profile->count - 1] : NULL;
  return op->delegated && (!previous || !previous->delegated || op->index <= previous->index);
}

static void append(struct profile *profile, const struct litert_event *event) {
  if (profile->count == profile->capacity) {
    profile->capacity = profile->capacity ? 2 * profile->capacity : 128;
    profile->ops = must_alloc(realloc(profile->ops, profile->capacity * sizeof *profile->ops));
  }
  struct op op = {.delegated = event->event_type == LITERT_DELEGATE_OP,
                  .index = event->metadata[0]};
  snprintf(op.name, sizeof op.name, "%s", event->tag);
  profile->builtins += !op.delegated;
  profile->partitions += starts_partition(profile, &op);
  profile->ops[profile->count++] = op;
}

void profile_add(struct profile *profile, const struct litert_event *events, size_t count) {
  size_t position = 0;
  for (size_t i = 0; i < count; i++) {
    if (!is_op(&events[i])) continue;
    if (profile->runs == 0) append(profile, &events[i]);
    if (position == profile->count) break; /* more ops than in the first run: leave them */
    profile->ops[position++].total_us += events[i].elapsed_us;
  }
  profile->runs++;
}

/* LiteRT writes whole events: if it writes past `count` of our structs, these are too small. */
static void read_events(const struct litert *litert, LiteRtProfiler profiler,
                        struct profile *profile) {
  int count;
  litert_check(litert->GetNumProfilerEvents(profiler, &count), EXIT_RUN, "count profiler events");
  if (count <= 0) fail(EXIT_RUN, "the LiteRT profiler recorded no events");
  struct litert_event *events = must_alloc(calloc((size_t)count + LITERT_SPARE, sizeof *events));
  litert_check(litert->GetProfilerEvents(profiler, count, events), EXIT_RUN, "read events");
  litert_check_events(events, (size_t)count);
  profile_add(profile, events, (size_t)count);
  free(events);
}

void profile_session(struct profile *profile, struct session *session, int runs) {
  const struct litert *litert = session->litert;
  LiteRtProfiler profiler;
  litert_check(litert->CompiledModelGetProfiler(session->compiled, &profiler), EXIT_RUN,
               "get a profiler");
  for (int i = 0; i < runs; i++) {
    litert_check(litert->ResetProfiler(profiler), EXIT_RUN, "reset the profiler");
    litert_check(litert->StartProfiler(profiler), EXIT_RUN, "start the profiler");
    session_run(session);
    litert_check(litert->StopProfiler(profiler), EXIT_RUN, "stop the profiler");
    read_events(litert, profiler, profile);
  }
}

static void report_op(struct json *line, const struct profile *profile, const struct op *op) {
  json_open(line, NULL, '{');
  json_string(line, "name", op->name);
  if (op->delegated)
    json_string(line, "delegate", "XNNPACK");
  else
    json_null(line, "delegate");
  json_uint(line, "index", op->index);
  json_double(line, "mean_ns", 1e3 * (double)op->total_us / profile->runs);
  json_close(line, '}');
}

void profile_report(const struct profile *profile, size_t nodes) {
  struct json line;
  json_begin(&line, "ops");
  json_uint(&line, "nodes", nodes);
  json_uint(&line, "delegated", nodes > profile->builtins ? nodes - profile->builtins : 0);
  json_uint(&line, "partitions", profile->partitions);
  json_int(&line, "runs", profile->runs);
  json_open(&line, "ops", '[');
  for (size_t i = 0; i < profile->count; i++) report_op(&line, profile, &profile->ops[i]);
  json_close(&line, ']');
  must_write(&line);
}

void profile_free(struct profile *profile) {
  free(profile->ops);
  *profile = (struct profile){0};
}
