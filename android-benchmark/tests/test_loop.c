/* The loop under a clock that only moves when it is told to. */
#include "check.h"
#include "loop.h"

struct world {
  uint64_t now, run_ns;
  size_t runs, reports, samples, told, last_at;
};

static uint64_t now_ns(void *self) { return ((struct world *)self)->now; }

static void sleep_until_ns(void *self, uint64_t when) {
  struct world *world = self;
  CHECK(when > world->now);
  world->now = when;
}

static void run(void *self) {
  struct world *world = self;
  world->now += world->run_ns;
  world->runs++;
}

static void report(void *self, const struct samples *samples) {
  struct world *world = self;
  world->reports++;
  world->samples += samples->count;
  world->told += samples->runs;
  world->last_at = samples->at_ns;
  for (size_t i = 0; i < samples->count; i++) CHECK(samples->ns[i] == world->run_ns);
}

static struct world run_loop(struct pace pace, uint64_t run_ns) {
  struct world world = {.now = 1000, .run_ns = run_ns};
  struct clock clock = {now_ns, sleep_until_ns, &world};
  struct work work = {run, report, &world};
  if (pace.duty_cycle == 0) pace.duty_cycle = 1;
  struct samples rest = loop(&clock, &pace, &work);
  report(&world, &rest);
  free(rest.ns);
  CHECK(world.told == world.runs);
  CHECK(pace.max_samples || world.samples == world.runs);
  return world;
}

static void runs_are_counted_and_timed(void) {
  CHECK(run_loop((struct pace){.runs = 5}, 10).runs == 5);
  CHECK(run_loop((struct pace){.runs = 0}, 10).runs == 0);
  CHECK(run_loop((struct pace){.runs = 5, .min_ns = 100}, 10).runs == 10);
  CHECK(run_loop((struct pace){.runs = 50, .min_ns = 100, .max_ns = 45}, 10).runs == 5);
  CHECK(run_loop((struct pace){.runs = 5, .min_ns = 100, .max_runs = 7}, 10).runs == 7);
  CHECK(run_loop((struct pace){.runs = 9, .min_ns = 100, .max_runs = 7}, 10).runs == 9);
  CHECK(run_loop((struct pace){.runs = 9, .min_ns = 10, .max_runs = 70}, 10).runs == 9);
}

static void a_delay_follows_each_run(void) {
  struct world rested = run_loop((struct pace){.runs = 3, .delay_ns = 90}, 10);
  CHECK(rested.now == 1000 + 3 * (10 + 90));
}

static void a_rate_is_kept_where_it_can_be(void) {
  struct world paced = run_loop((struct pace){.runs = 1, .min_ns = 1000, .period_ns = 100}, 10);
  CHECK(paced.runs == 10 && paced.now == 1000 + 10 * 100);
  struct world late = run_loop((struct pace){.runs = 4, .period_ns = 100}, 250);
  CHECK(late.now == 1000 + 4 * 250); /* too slow for the rate: no pause at all */
}

static void half_a_duty_cycle_rests_as_long_as_it_works(void) {
  struct world half = run_loop((struct pace){.runs = 10, .duty_cycle = 0.5}, 10);
  CHECK(half.now == 1000 + 10 * (10 + 10));
}

static void a_burst_of_work_is_followed_by_one_long_rest(void) {
  struct pace pace = {.runs = 12, .duty_cycle = 0.25, .burst_ns = 60, .report_ns = 100};
  struct world app = run_loop(pace, 10);
  CHECK(app.now == 1000 + 2 * (60 + 180));
  CHECK(app.reports == 3 && app.last_at == 2 * (60 + 180)); /* the last one is empty */
  struct world cut = run_loop((struct pace){.runs = 4, .duty_cycle = 0.25, .burst_ns = 60}, 10);
  CHECK(cut.now == 1000 + 4 * 10); /* no whole burst, no rest */
}

static void samples_are_reported_by_time_and_before_they_are_too_many(void) {
  struct world series = run_loop((struct pace){.runs = 10, .report_ns = 30}, 10);
  CHECK(series.reports == 4 && series.last_at == 90);
  CHECK(run_loop((struct pace){.runs = 3000}, 1).reports == 1);
}

static void what_is_not_kept_is_counted(void) {
  struct world series = run_loop((struct pace){.runs = 10, .report_ns = 30, .max_samples = 2}, 10);
  CHECK(series.runs == 10 && series.reports == 4 && series.samples == 2 + 2 + 2 + 1);
  CHECK(run_loop((struct pace){.runs = 3000, .max_samples = 9}, 1).samples == 9);
}

int main(void) {
  RUN(runs_are_counted_and_timed);
  RUN(a_delay_follows_each_run);
  RUN(a_rate_is_kept_where_it_can_be);
  RUN(half_a_duty_cycle_rests_as_long_as_it_works);
  RUN(a_burst_of_work_is_followed_by_one_long_rest);
  RUN(samples_are_reported_by_time_and_before_they_are_too_many);
  RUN(what_is_not_kept_is_counted);
  return check_result();
}
