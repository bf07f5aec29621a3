#include "measure.h"

#include <stdlib.h>

#include "loop.h"
#include "report.h"
#include "usage.h"

struct phase {
  const char *name;
  struct session *session;
  const struct cores *cores; /* NULL unless a time series is wanted */
  uint64_t runs;
};

static void run(void *self) {
  struct phase *phase = self;
  session_run(phase->session);
  phase->runs++;
}

static void report(void *self, const struct samples *samples) {
  const struct phase *phase = self;
  report_samples(phase->name, samples, phase->cores);
}

static struct samples loop_phase(struct phase *phase, const struct pace *pace,
                                 const struct clock *clock) {
  struct work work = {.run = run, .report = report, .self = phase};
  return loop(clock, pace, &work);
}

static void report_rest(struct phase *phase, struct samples *samples) {
  if (samples->count) report(phase, samples);
  free(samples->ns);
}

void measure_warmup(struct session *session, const struct options *options,
                    const struct clock *clock) {
  struct phase phase = {.name = "warmup", .session = session};
  struct pace pace = {.runs = options->warmup_runs,
                      .min_ns = seconds_to_ns(options->warmup_min_secs),
                      .max_ns = seconds_to_ns(options->max_secs),
                      .max_samples = options->max_samples,
                      .duty_cycle = 1};
  struct samples samples = loop_phase(&phase, &pace, clock);
  report_rest(&phase, &samples);
}

static struct pace steady_pace(const struct options *options) {
  double rate = options->run_frequency;
  return (struct pace){.runs = options->num_runs,
                       .min_ns = seconds_to_ns(options->min_secs),
                       .max_ns = seconds_to_ns(options->max_secs),
                       .max_runs = options->report_secs > 0 ? 0 : options->max_samples,
                       .max_samples = options->max_samples,
                       .delay_ns = seconds_to_ns(options->run_delay),
                       .period_ns = rate > 0 ? seconds_to_ns(1 / rate) : 0,
                       .duty_cycle = options->duty_cycle,
                       .burst_ns = seconds_to_ns(options->burst_secs),
                       .report_ns = seconds_to_ns(options->report_secs)};
}

static void measure_steady(struct session *session, const struct options *options,
                           const struct clock *clock, const struct cores *cores,
                           struct counters *counters) {
  struct phase phase = {.name = "steady",
                        .session = session,
                        .cores = options->report_secs > 0 ? cores : NULL};
  struct pace pace = steady_pace(options);
  struct cpu cpu = {.rate_hz = options->run_frequency};
  uint64_t began = clock_now(clock);
  struct usage before = usage_now();
  counters_start(counters);
  struct samples samples = loop_phase(&phase, &pace, clock);
  cpu.counts = counters_stop(counters);
  cpu.used = usage_between(before, usage_now());
  cpu.wall_ns = clock_now(clock) - began;
  cpu.runs = phase.runs;
  cpu.why_not_counted = counters->why_not;
  report_rest(&phase, &samples);
  report_cpu(&cpu);
}

void measure(struct session *session, const struct options *options, const struct clock *clock,
             const struct cores *cores, struct counters *counters) {
  measure_warmup(session, options, clock);
  measure_steady(session, options, clock, cores, counters);
}
