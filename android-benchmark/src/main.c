/* The harness: flags in, measurements out as JSON lines. It decides nothing. */
#include "accuracy.h"
#include "clock.h"
#include "cores.h"
#include "counters.h"
#include "fail.h"
#include "input.h"
#include "litert.h"
#include "measure.h"
#include "memory.h"
#include "options.h"
#include "profile.h"
#include "report.h"
#include "session.h"
#include "system.h"
#include "testset.h"

static void check_protocol(const struct options *options) {
  if (options->protocol != PROTOCOL)
    fail(EXIT_USAGE, "this harness speaks protocol %d. Received: --protocol=%d", PROTOCOL,
         options->protocol);
}

static void fill_inputs(struct session *session, const struct options *options) {
  if (options->input_file)
    input_from_file(session, options->input_file);
  else
    input_random(session, (uint64_t)options->seed);
}

static void run_first(struct session *session, const struct options *options,
                      const struct clock *clock, const struct cores *cores) {
  uint64_t began = clock_now(clock);
  session_run(session);
  uint64_t first_ns = clock_now(clock) - began;
  report_init(session, cores, first_ns, output_digest(session));
  if (options->output_filepath) output_to_file(session, options->output_filepath);
}

static void evaluate(struct session *session, const struct options *options,
                     const struct clock *clock) {
  struct testset testset = testset_open(options->test_set);
  struct accuracy accuracy = accuracy_of(session, &testset, clock);
  accuracy_report(&accuracy, &testset);
  accuracy_free(&accuracy);
  testset_close(&testset);
}

static void profile(struct session *session, const struct options *options,
                    const struct clock *clock) {
  struct profile profile = {0};
  measure_warmup(session, options, clock);
  profile_session(&profile, session, options->num_runs);
  profile_report(&profile, session->nodes);
  profile_free(&profile);
}

int main(int argc, char **argv) {
  system_end_with_parent();
  const struct clock *clock = &monotonic_clock;
  struct options options = options_parse(argc, argv);
  report_hello();
  check_protocol(&options);
  struct cores cores = cores_pin(options.cpu_mask, options.num_threads);
  struct counters counters = counters_open();
  struct memory before_init = memory_now();

  struct litert litert;
  struct session session;
  litert_load(&litert, options.runtime);
  session_open(&session, &litert, &options, clock);
  struct memory after_init = memory_now();

  fill_inputs(&session, &options);
  run_first(&session, &options, clock, &cores);
  if (options.test_set)
    evaluate(&session, &options, clock);
  else if (options.enable_op_profiling)
    profile(&session, &options, clock);
  else
    measure(&session, &options, clock, &cores, &counters);
  report_memory(before_init, after_init, memory_now());
  report_end(&cores);

  session_close(&session);
  counters_close(&counters);
  return 0;
}
