/* The harness: flags in, measurements out as JSON lines. It decides nothing. */
#include "clock.h"
#include "cores.h"
#include "fail.h"
#include "input.h"
#include "litert.h"
#include "measure.h"
#include "memory.h"
#include "options.h"
#include "profile.h"
#include "report.h"
#include "session.h"

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

static uint64_t time_first_run(struct session *session, const struct clock *clock) {
  uint64_t began = clock_now(clock);
  session_run(session);
  return clock_now(clock) - began;
}

static void profile(struct session *session, const struct options *options) {
  struct profile profile = {0};
  profile_session(&profile, session, options->num_runs);
  profile_report(&profile, session->nodes);
  profile_free(&profile);
}

int main(int argc, char **argv) {
  struct options options = options_parse(argc, argv);
  report_hello();
  check_protocol(&options);
  struct cores cores = cores_pin(options.cpu_mask, options.num_threads);
  struct memory before_init = memory_now();

  struct litert litert;
  struct session session;
  litert_load(&litert, options.runtime);
  session_open(&session, &litert, &options, &monotonic_clock);
  struct memory after_init = memory_now();

  fill_inputs(&session, &options);
  uint64_t first_ns = time_first_run(&session, &monotonic_clock);
  report_init(&session, &cores, first_ns);

  measure_warmup(&session, &options, &monotonic_clock);
  if (options.enable_op_profiling)
    profile(&session, &options);
  else
    measure_steady(&session, &options, &monotonic_clock);
  report_memory(before_init, after_init, memory_now());
  report_end(&cores);
  session_close(&session);
  return 0;
}
