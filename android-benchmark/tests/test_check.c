/* The framework itself: a false check is counted and does not hide those after it. */
#include "check.h"

static void is_true(void) { CHECK(1 + 1 == 2); }

static void is_false_twice(void) {
  CHECK(1 == 2);
  CHECK(2 == 3);
}

static void differs(void) { CHECK_TEXT("a", "b"); }

static void lacks_what_it_needs(void) { REQUIRE(3 == 4); }

static void fail(void *unused) {
  (void)unused;
  RUN(is_false_twice);
  RUN(is_true);
  RUN(differs);
  _exit(check_result());
}

static void end_early(void *unused) {
  (void)unused;
  RUN(lacks_what_it_needs);
  _exit(0);
}

static void run_nothing(void *unused) {
  (void)unused;
  check.cases = 0;
  _exit(check_result());
}

static void false_checks_end_in_a_failure(void) { CHECK(exit_code_of(fail, NULL) == 1); }

static void what_is_required_ends_the_program(void) { CHECK(exit_code_of(end_early, NULL) == 1); }

static void no_case_at_all_is_a_failure(void) { CHECK(exit_code_of(run_nothing, NULL) == 1); }

int main(void) {
  RUN(is_true);
  RUN(false_checks_end_in_a_failure);
  RUN(what_is_required_ends_the_program);
  RUN(no_case_at_all_is_a_failure);
  return check_result();
}
